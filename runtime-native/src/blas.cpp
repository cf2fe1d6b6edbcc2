// Finds a BLAS with dlopen and calls its sgemm.

#include "anec/blas.h"

#include <climits>
#include <dlfcn.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>

namespace anec {
namespace {

struct Candidate {
  const char* name;
  const char* file;
};

// In order of preference. The numbered names are what a system without -dev packages has.
constexpr Candidate candidates[] = {
#if defined(__APPLE__)
    {"Accelerate", "/System/Library/Frameworks/Accelerate.framework/Accelerate"},
    {"OpenBLAS", "/opt/homebrew/opt/openblas/lib/libopenblas.dylib"},
#endif
    {"MKL", "libmkl_rt.so"},       {"MKL", "libmkl_rt.so.2"},
    {"OpenBLAS", "libopenblas.so"}, {"OpenBLAS", "libopenblas.so.0"},
    {"BLIS", "libblis.so"},         {"BLIS", "libblis.so.4"},
};

// How each library is told its number of threads; all take one C int.
constexpr const char* thread_setters[] = {"openblas_set_num_threads", "MKL_Set_Num_Threads"};

std::string path_of(void* symbol, const char* fallback) {
  Dl_info info;
  return dladdr(symbol, &info) != 0 && info.dli_fname != nullptr ? info.dli_fname : fallback;
}

Result<const Blas*> load(const char* name, const char* file) {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<Blas>> loaded;
  std::lock_guard<std::mutex> lock(mutex);
  if (auto found = loaded.find(file); found != loaded.end()) return found->second.get();

  void* library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* words = dlerror();
    return Error{"E0607", std::string("cannot load the BLAS library ") + file,
                 words != nullptr ? words : ""};
  }
  void* sgemm = dlsym(library, "cblas_sgemm");
  if (sgemm == nullptr) {
    dlclose(library);
    return Error{"E0607", std::string(file) + " has no function cblas_sgemm", ""};
  }
  auto blas = std::make_unique<Blas>();
  blas->path = path_of(sgemm, file);
  blas->sgemm = reinterpret_cast<Blas::Sgemm>(sgemm);
  blas->set_threads = nullptr;
  for (const char* setter : thread_setters) {
    if (void* symbol = dlsym(library, setter)) {
      blas->set_threads = reinterpret_cast<void (*)(int)>(symbol);
      break;
    }
  }
  if (name == nullptr) name = dlsym(library, "openblas_get_config") != nullptr ? "OpenBLAS" : "BLAS";
  blas->name = name;
  return (loaded[file] = std::move(blas)).get();
}

}  // namespace

Result<const Blas*> find_blas(const std::string& choice) {
  if (choice == "builtin") return nullptr;
  if (choice == "reference") {
    static const Blas reference{"reference", "", nullptr, nullptr};
    return &reference;
  }
  if (choice != "system") return load(nullptr, choice.c_str());
  for (const Candidate& candidate : candidates) {
    auto found = load(candidate.name, candidate.file);
    if (found.ok()) return found;
  }
  return nullptr;
}

bool Blas::multiply(const GemmShape& s, const float* a, const float* b, float* c) const {
  if (sgemm == nullptr) {
    gemm_reference(s, a, b, c);
    return true;
  }
  if (std::max({s.m, s.n, s.k, s.lda, s.ldb, s.ldc}) > INT_MAX) return false;
  constexpr int row_major = 101, as_is = 111, transposed = 112;
  // A matrix of one row may have any row stride; BLAS wants one that holds a row.
  const int64_t lda = std::max<int64_t>({1, s.lda, s.trans_a ? s.m : s.k});
  const int64_t ldb = std::max<int64_t>({1, s.ldb, s.trans_b ? s.k : s.n});
  const int64_t ldc = std::max<int64_t>({1, s.ldc, s.n});
  sgemm(row_major, s.trans_a ? transposed : as_is, s.trans_b ? transposed : as_is,
        static_cast<int>(s.m), static_cast<int>(s.n), static_cast<int>(s.k), s.alpha, a,
        static_cast<int>(lda), b, static_cast<int>(ldb), s.add ? 1.0f : 0.0f, c,
        static_cast<int>(ldc));
  return true;
}

}  // namespace anec
