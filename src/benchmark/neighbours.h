// Nearest centroids and nearest neighbours by cosine, the measuring sticks beside a router.
//
// The cosine does not see length, so a group's sum serves as its centroid. Everything is added in
// double in the order of the rows; a vector of length zero has the cosine 0 with every other.
// Among equals the first wins: the group with the lowest number, the row that comes first.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "benchmark/features.h"

namespace trinity::benchmark {

/// A group's number a row; -1 leaves a row out.
using Groups = std::vector<int>;

/// Cosine of two vectors of one length; 0 when one of them is zero.
double cosine(std::span<const double> a, std::span<const double> b);

/// Every row at length 1; one of zeros stays.
std::vector<std::vector<double>> unit_rows(const FeatureMatrix& features);

/// Sums of the rows of each group, [groups][width]; groups are numbered from 0.
std::vector<std::vector<double>> group_sums(const FeatureMatrix& features, const Groups& groups);

/// The group with the nearest centroid for every row that has a group, -1 for the others. With
/// `leave_one_out` a row does not count in its own group's centroid; a group of that row alone is
/// then no candidate, and -1 stands where there is no candidate at all.
Groups nearest_centroids(const FeatureMatrix& features, const Groups& groups, bool leave_one_out);

/// The nearest other row that has a group, for every row that has one; nothing where there is none.
std::vector<std::optional<std::size_t>> nearest_neighbours(const FeatureMatrix& features,
                                                           const Groups& groups);

}  // namespace trinity::benchmark
