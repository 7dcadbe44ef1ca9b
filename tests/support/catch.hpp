// Catch2 2 and 3 under one include. Precompiled for all unit tests.
#ifndef SLUICE_TESTS_SUPPORT_CATCH_HPP  // not #pragma once: g++ warns of it in a precompiled header
#define SLUICE_TESTS_SUPPORT_CATCH_HPP

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

#endif  // SLUICE_TESTS_SUPPORT_CATCH_HPP
