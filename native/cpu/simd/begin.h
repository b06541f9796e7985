// Starts the part of a kernel file that is compiled once for each instruction set (CMake defines STRIATE_SIMD: 0 the
// architecture's baseline, 3 x86-64-v3, 4 x86-64-v4; with STRIATE_AMX also AMX tiles). Include it after every other
// header: what stands above keeps the baseline, so that no inline function of the standard library is compiled with
// instructions that the processor may lack. Then open the namespace STRIATE_SIMD_NS; simd/end.h closes the file.
#ifndef STRIATE_SIMD
#error "CMake compiles this file once for each STRIATE_SIMD"
#endif

#if STRIATE_SIMD == 4
#if defined(STRIATE_AMX)
#define STRIATE_SIMD_NS amx
#else
#define STRIATE_SIMD_NS v4
#endif
#define STRIATE_TARGET                                                                                                \
  "avx512f,avx512bw,avx512dq,avx512vl,avx512cd,avx2,fma,bmi,bmi2,lzcnt,f16c,movbe,popcnt,sse4.2,prefer-vector-width=" \
  "512"
#elif STRIATE_SIMD == 3
#define STRIATE_SIMD_NS v3
#define STRIATE_TARGET "avx2,fma,bmi,bmi2,lzcnt,f16c,movbe,popcnt,sse4.2"
#else
#define STRIATE_SIMD_NS base
#endif

#ifdef STRIATE_TARGET
#if defined(__clang__)
#define STRIATE_PRAGMA_(text) _Pragma(#text)
#define STRIATE_PRAGMA(text) STRIATE_PRAGMA_(text)
STRIATE_PRAGMA(clang attribute push(__attribute__((target(STRIATE_TARGET))), apply_to = function))
#else
#define STRIATE_PRAGMA_(text) _Pragma(#text)
#define STRIATE_PRAGMA(text) STRIATE_PRAGMA_(text)
STRIATE_PRAGMA(GCC push_options)
STRIATE_PRAGMA(GCC target(STRIATE_TARGET))
#endif
#endif
