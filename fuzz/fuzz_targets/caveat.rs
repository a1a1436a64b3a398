//! Fuzzes the values of caveats; the promises are in `plex_tests::fuzz::caveat`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    plex_tests::fuzz::caveat(data);
});
