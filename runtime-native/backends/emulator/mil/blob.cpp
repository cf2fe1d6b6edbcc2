// Reads records of weight files, field by field (see blob.h).

#include "blob.h"

#include <bit>
#include <cstring>

#include "half.h"
#include "run.h"

namespace anec::emulator {
namespace {

constexpr uint64_t kBlobAlignment = 64;
constexpr uint32_t kSentinel = 0xdeadbeef, kVersion = 2;

constexpr ElementType kCodes[] = {
    ElementType::string,  // no element type has the code 0
    ElementType::fp16,   ElementType::fp32,  ElementType::uint8,  ElementType::int8,
    ElementType::bf16,   ElementType::int16, ElementType::uint16, ElementType::int4,
    ElementType::uint1,  ElementType::uint2, ElementType::uint4,  ElementType::uint3,
    ElementType::uint6,  ElementType::int32, ElementType::uint32,
};

template <class T>
T field(std::span<const uint8_t> file, uint64_t at) {
  T value;
  std::memcpy(&value, file.data() + at, sizeof value);
  return value;
}

// Small elements are packed from the low bits up.
int32_t packed(const uint8_t* data, int64_t i, int bits, bool is_signed) {
  uint32_t value = 0;
  for (int k = 0; k < bits; ++k) {
    const int64_t bit = i * bits + k;
    value |= uint32_t(data[bit >> 3] >> (bit & 7) & 1) << k;
  }
  return is_signed && value >> (bits - 1) != 0 ? int32_t(value) - (1 << bits) : int32_t(value);
}

uint32_t cell(const uint8_t* data, int64_t i, ElementType type) {
  const auto read = [&]<class T>(T) {
    T value;
    std::memcpy(&value, data + i * int64_t(sizeof(T)), sizeof(T));
    return value;
  };
  switch (type) {
    case ElementType::fp16: return std::bit_cast<uint32_t>(half_value(read(uint16_t{})));
    case ElementType::bf16: return std::bit_cast<uint32_t>(brain_value(read(uint16_t{})));
    case ElementType::fp32:
    case ElementType::int32: return read(uint32_t{});
    case ElementType::int16: return uint32_t(int32_t(read(int16_t{})));
    case ElementType::uint16: return read(uint16_t{});
    case ElementType::int8: return uint32_t(int32_t(read(int8_t{})));
    case ElementType::uint8: return data[i];
    case ElementType::boolean: return data[i] != 0;
    default: return uint32_t(packed(data, i, bits_of(type), type == ElementType::int4));
  }
}

std::string number(uint64_t n) { return std::to_string(n); }

}  // namespace

bool read_record(std::span<const uint8_t> file, uint64_t offset, ElementType type, int64_t size,
                 std::vector<uint32_t>& cells, std::string& problem) {
  const auto fail = [&](std::string what) {
    problem = std::move(what);
    return false;
  };
  if (file.size() < kBlobAlignment) return fail("the file has " + number(file.size()) + " bytes");
  if (field<uint32_t>(file, 4) != kVersion)
    return fail("the file's version is " + number(field<uint32_t>(file, 4)) + ", not 2");
  if (offset < kBlobAlignment || offset % kBlobAlignment != 0)
    return fail("offsets are multiples of 64, from 64 on");
  if (offset > file.size() || file.size() - offset < kBlobAlignment)
    return fail("the file has " + number(file.size()) + " bytes");
  if (field<uint32_t>(file, offset) != kSentinel) return fail("no descriptor starts there");

  const uint32_t code = field<uint32_t>(file, offset + 4);
  if (code == 0 || code >= std::size(kCodes))
    return fail("no element type has the code " + number(code));
  const ElementType found = kCodes[code];
  // Weight files have no bools; they are bytes.
  const ElementType stored = type == ElementType::boolean ? ElementType::uint8 : type;
  if (found != stored)
    return fail(std::string("the record is ") + name_of(found) + ", not " + name_of(stored));

  const uint64_t bytes = field<uint64_t>(file, offset + 8);
  const uint64_t start = field<uint64_t>(file, offset + 16);
  const uint64_t padding = field<uint64_t>(file, offset + 24);
  // The payload is where the record says, even if that is 0 (fact: blob_record).
  if (start > file.size() || bytes > file.size() - start)
    return fail("the " + number(bytes) + " bytes of the payload end behind the file");
  for (uint64_t at = offset + 32; at < offset + kBlobAlignment; at += 8)
    if (field<uint64_t>(file, at) != 0)
      return fail("the descriptor's reserved fields are not zero");

  const uint64_t bits = uint64_t(bits_of(found));
  if (padding >= 8 || (bits >= 8 && padding != 0) || (bytes == 0 && padding != 0))
    return fail(number(padding) + " padding bits do not suit " + name_of(found));
  if (bits >= 8 && bytes % (bits / 8) != 0)
    return fail(number(bytes) + " bytes are no whole number of elements");
  // Without a count of padding bits the last byte of small elements may hold a few too many.
  const uint64_t count = (bytes * 8 - padding) / bits, spare = bits < 8 ? 7 : 0;
  if (count < uint64_t(size) || count > uint64_t(size) + spare)
    return fail("the record has " + number(count) + " elements, not " + number(uint64_t(size)));

  cells.resize(size_t(size));
  for (int64_t i = 0; i < size; ++i) cells[size_t(i)] = cell(file.data() + start, i, type);
  return true;
}

}  // namespace anec::emulator
