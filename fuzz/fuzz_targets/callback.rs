//! Fuzzes what a node reports; the promises are in `plex_tests::fuzz::callback`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    plex_tests::fuzz::callback(data);
});
