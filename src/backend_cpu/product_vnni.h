// Products of int8 inputs by int8 weights with AVX512-VNNI: four k an instruction.
//
// `vpdpbusd` multiplies unsigned by signed bytes, so inputs travel as value + 128 and every sum
// starts at −128 · Σ w of its output: in int32, exact.
#pragma once

#include "backend_cpu/product_kernels.h"

namespace trinity::cpu {

/// Only to be run where cpu_features().avx512_vnni.
const ProductKernels& vnni_kernels();

}  // namespace trinity::cpu
