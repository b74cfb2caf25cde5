// What was spent, for people: a document of the rows of a ledger.
#pragma once

#include <vector>

#include "ledger/ledger.h"
#include "report/document.h"

namespace trinity::ledger {

/// A section a period, a row a subject and window. Rows without figures and caps are left out. The
/// verdict says whether a budget is used up, and whether the database can be written.
report::Document spending_document(const std::vector<Book::Row>& rows,
                                   const Ledger::Counts& counts);

}  // namespace trinity::ledger
