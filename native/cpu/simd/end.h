// Ends what simd/begin.h started.
#ifdef STRIATE_TARGET
#if defined(__clang__)
STRIATE_PRAGMA(clang attribute pop)
#else
STRIATE_PRAGMA(GCC pop_options)
#endif
#endif
