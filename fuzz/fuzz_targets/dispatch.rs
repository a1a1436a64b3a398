//! Fuzzes what an operator orders; the promises are in `plex_tests::fuzz::dispatch`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    plex_tests::fuzz::dispatch(data);
});
