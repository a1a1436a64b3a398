//! Fuzzes relation tuples; the promises are in `plex_tests::fuzz::tuple`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    plex_tests::fuzz::tuple(data);
});
