// Weight files: MIL blob storage, version 2, little-endian.
//
//     file    header (64) · record · record · …      records start at multiples of 64
//     header  @0 u32 count    @4 u32 version = 2     zeros
//     record  descriptor (64) · payload · zeros up to a multiple of 64
//     descriptor
//             @0 u32 0xDEADBEEF    @4 u32 dtype    @8 u64 payload bytes
//             @16 u64 offset of the payload in the file    @24 u64 padding bits    zeros
//
// `BLOBFILE(path, offset)` names the offset of a descriptor. Every field is checked but the
// payload's offset: what it says is what is read.

#pragma once

#include <span>
#include <string>
#include <vector>

#include "mil.h"
#include "shape.h"

namespace anec::emulator {

// The cells of the record at `offset`, which must hold `size` elements of `type`. Otherwise
// `problem` says in words what is wrong.
bool read_record(std::span<const uint8_t> file, uint64_t offset, ElementType type, int64_t size,
                 std::vector<uint32_t>& cells, std::string& problem);

}  // namespace anec::emulator
