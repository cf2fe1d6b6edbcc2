// fp16, SHA-256, files and layouts: what needs no device.

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "backends/ane/digest.h"
#include "backends/ane/half.h"
#include "check.h"

using namespace anec::ane;
using namespace anec::test;

namespace {

uint32_t bits(float x) {
  uint32_t word;
  std::memcpy(&word, &x, 4);
  return word;
}

float from_bits(uint32_t word) {
  float x;
  std::memcpy(&x, &word, 4);
  return x;
}

// Round to nearest, ties to even, by searching: the oracle of the conversions.
double value_of_half(uint16_t half) {
  const int exponent = half >> 10 & 31, fraction = half & 1023;
  const double size =
      exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  return half & 0x8000 ? -size : size;
}

uint16_t nearest_half(float x) {
  const uint16_t sign = std::signbit(x) ? 0x8000 : 0;
  const double size = std::fabs(static_cast<double>(x));
  if (size >= 65520) return sign | 0x7c00;
  uint16_t low = 0,
           high = 0x7c00;  // value(low) <= size < value(high), where value(0x7c00) is 65536
  while (high - low > 1) {
    const uint16_t middle = static_cast<uint16_t>((low + high) / 2);
    (value_of_half(middle) <= size ? low : high) = middle;
  }
  const double below = size - value_of_half(low),
               above = (high == 0x7c00 ? 65536 : value_of_half(high)) - size;
  const bool up = above < below || (above == below && (low & 1));
  return static_cast<uint16_t>(sign | (up ? high : low));
}

}  // namespace

TEST("every half becomes the float it stands for, and comes back") {
  std::vector<uint16_t> halves(65536);
  for (size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<uint16_t>(i);
  std::vector<float> floats(65536), portable(65536);
  from_half(halves.data(), floats.data(), 65536);
  from_half_portable(halves.data(), portable.data(), 65536);
  std::vector<uint16_t> back(65536);
  EXPECT_EQUAL(to_half(floats.data(), back.data(), 65536), 2 * 1024);
  for (size_t i = 0; i < 65536; ++i) {
    const bool nan = (i & 0x7c00) == 0x7c00 && (i & 0x3ff) != 0;
    if (nan) {
      EXPECT(std::isnan(floats[i]) && std::isnan(portable[i]));
      EXPECT((back[i] & 0x7c00) == 0x7c00 && (back[i] & 0x3ff) != 0);
      continue;
    }
    if (bits(floats[i]) != bits(portable[i]) || back[i] != i)
      failed(__FILE__, __LINE__, "half " + std::to_string(i));
    if ((i & 0x7c00) != 0x7c00) EXPECT(floats[i] == value_of_half(static_cast<uint16_t>(i)));
  }
}

TEST("floats round to the nearest half, ties to even, with and without special instructions") {
  std::vector<float> values = {65504,      65519.99f,  65520,     -65520,      1e30f,
                               0,          -0.0f,      5.96e-8f,  2.98023e-8f, 2.9802322e-8f,
                               6.1035e-5f, 6.0976e-5f, HUGE_VALF, -HUGE_VALF};
  uint32_t state = 1;
  for (int i = 0; i < 200000; ++i) {
    state = state * 1664525 + 1013904223;
    const uint32_t exponent = 100 + state % 45;  // 2^-27 … 2^17
    values.push_back(from_bits((state & 0x807fffff) | exponent << 23));
    values.push_back(from_bits((state & 0x807fe000) | exponent << 23 | 0x1000));  // a tie, mostly
  }
  std::vector<uint16_t> fast(values.size()), portable(values.size());
  int64_t infinite = 0;
  for (const float value : values) infinite += (nearest_half(value) & 0x7c00) == 0x7c00;
  const auto count = static_cast<int64_t>(values.size());
  EXPECT_EQUAL(to_half(values.data(), fast.data(), count), infinite);
  EXPECT_EQUAL(to_half_portable(values.data(), portable.data(), count), infinite);
  for (size_t i = 0; i < values.size(); ++i)
    if (fast[i] != nearest_half(values[i]) || portable[i] != fast[i])
      failed(__FILE__, __LINE__, std::to_string(values[i]) + " became " + std::to_string(fast[i]));
}

TEST("SHA-256 gives the published digests") {
  EXPECT_EQUAL(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQUAL(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQUAL(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
               "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  Sha256 sum;
  for (int i = 0; i < 1000; ++i) sum.add(std::string(1000, 'a').data(), 1000);
  EXPECT_EQUAL(sum.hex(), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  Sha256 one, two;
  one.add_field("ab"), one.add_field("c"), two.add_field("a"), two.add_field("bc");
  EXPECT(one.hex() != two.hex());
}

TEST("files are written whole or not at all") {
  const std::string path = test_folder() + "/a/b/file";
  MUST(write_file(path, "first", true));
  EXPECT_EQUAL(*read_file(path), "first");
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{4, RLIM_INFINITY};
  setrlimit(RLIMIT_FSIZE, &small);
  EXPECT_ERROR(write_file(path, "longer than four", false), "E0627", "File too large");
  const rlimit none{RLIM_INFINITY, RLIM_INFINITY};
  setrlimit(RLIMIT_FSIZE, &none);
  EXPECT_EQUAL(*read_file(path), "first");
  EXPECT_EQUAL(files_below(test_folder() + "/a").size(), size_t{1});
  EXPECT_ERROR(write_file(path + "/below", "x", false), "E0627", "cannot make the folder");
  EXPECT_ERROR(write_file(test_folder() + "/a/b", "x", false), "E0627", "cannot write");
  EXPECT_ERROR(write_file(test_folder() + "/" + std::string(300, 'n'), "x", false), "E0627",
               "too long");
  EXPECT(!read_file(test_folder()).has_value());
  EXPECT(!read_file(path + "x").has_value());
  remove_tree(test_folder() + "/a");
  remove_tree(test_folder() + "/a");
  EXPECT(files_below(test_folder() + "/a").empty());
  MUST(write_file(test_folder() + "/empty", "", false));
  EXPECT_EQUAL(*read_file(test_folder() + "/empty"), "");
}

TEST("relative paths stay inside their folder") {
  for (const char* good : {"a", "a/b.bin", "..a/b", "a..b"}) EXPECT(is_inside(good));
  for (const char* bad : {"", "/a", "..", "a/../b", "a//b", "a/", "./a", "a/."})
    EXPECT(!is_inside(bad));
}

TEST("locks keep others out, and a removed lock file locks nothing") {
  const std::string path = test_folder() + "/lock";
  auto first = MUST(FileLock::take(path, FileLock::Kind::shared));
  auto second = MUST(FileLock::take(path, FileLock::Kind::shared));
  EXPECT(!MUST(FileLock::wait_exclusive(path, 12)).has_value());
  EXPECT(!first.try_upgrade());
  first = MUST(FileLock::take(test_folder() + "/other", FileLock::Kind::exclusive));
  EXPECT(second.try_upgrade());
  unlink(path.c_str());
  EXPECT(MUST(FileLock::wait_exclusive(path, 0)).has_value());
  EXPECT_ERROR(FileLock::take(test_folder() + "/lock/below/it", FileLock::Kind::shared), "E0627",
               "cannot make");
  EXPECT_ERROR(FileLock::take(test_folder(), FileLock::Kind::shared), "E0627", "cannot lock");
  EXPECT_ERROR(FileLock::wait_exclusive(test_folder(), 1000), "E0627", "cannot lock");
}

TEST("rows lie 64 bytes apart, as published for known shapes") {
  const auto bytes = [](ElementType type, std::vector<int64_t> shape) {
    return MUST(Layout::of(type, shape)).bytes();
  };
  EXPECT_EQUAL(bytes(ElementType::fp16, {1, 4, 1, 4}), 256);
  EXPECT_EQUAL(bytes(ElementType::fp16, {1, 8, 375, 375}), 2304000);
  EXPECT_EQUAL(bytes(ElementType::fp16, {1, 3000}), 6016);
  EXPECT_EQUAL(bytes(ElementType::fp16, {375}), 768);
  EXPECT_EQUAL(bytes(ElementType::fp16, {1, 3000, 128}), 768000);
  EXPECT_EQUAL(bytes(ElementType::fp16, {1, 200, 1, 1}), 12800);
  EXPECT_EQUAL(bytes(ElementType::fp16, {8, 64, 8, 8}), 262144);
  EXPECT_EQUAL(bytes(ElementType::fp32, {1, 768, 1, 16}), 49152);
  // On the device: [8, 375, 749] takes 4,620,288 bytes, the next multiple of 16 KiB.
  EXPECT_EQUAL(MUST(Layout::of(ElementType::fp16, {1, 8, 375, 749})).allocated(), 4620288);
  EXPECT_EQUAL(MUST(Layout::of(ElementType::fp16, {})).allocated(), 16384);
  const Layout layout = MUST(Layout::of(ElementType::fp16, {2, 3, 4, 5}));
  EXPECT_EQUAL(layout.row_offset(0), 0);
  EXPECT_EQUAL(layout.row_offset(((1 * 3) + 2) * 4 + 3),
               layout.batch_stride + 2 * layout.plane_stride + 3 * 64);
  EXPECT_EQUAL(layout.text(), "fp16 [2, 3, 4, 5], rows of 64 bytes, planes of 256, batches of 768");
  EXPECT_ERROR(Layout::of(ElementType::fp16, {1, 1, 1, 1, 1}), "E0626", "at most four");
  EXPECT_ERROR(Layout::of(ElementType::fp16, {0}), "E0626", "cannot have this shape");
  EXPECT_ERROR(Layout::of(ElementType::fp32, {1 << 30, 1 << 30}), "E0626",
               "cannot have this shape");
}

TEST("layouts whose rows overlap are not sound") {
  const Layout good = MUST(Layout::of(ElementType::fp16, {2, 3, 4, 40}));
  EXPECT(good.is_sound());
  for (int64_t Layout::* field :
       {&Layout::row_stride, &Layout::plane_stride, &Layout::batch_stride}) {
    Layout bad = good;
    bad.*field -= 64;
    EXPECT(!bad.is_sound());
    bad.*field = int64_t{1} << 50;
    EXPECT(!bad.is_sound());
  }
  Layout odd = good;
  odd.row_stride += 1, odd.plane_stride += 4, odd.batch_stride += 12;
  EXPECT(!odd.is_sound());
  Layout empty = good;
  empty.batches = 0;
  EXPECT(!empty.is_sound());
}
