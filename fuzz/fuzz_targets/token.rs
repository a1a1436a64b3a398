//! Fuzzes secrets; the promises are in `plex_tests::fuzz::token`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    plex_tests::fuzz::token(data);
});
