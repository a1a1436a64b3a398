//! Fuzzes where a page begins; the promises are in `plex_tests::fuzz::sealed_cursor`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    plex_tests::fuzz::sealed_cursor(data);
});
