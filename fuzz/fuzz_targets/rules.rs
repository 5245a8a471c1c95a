#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    ossa_fuzz::rules(data);
});
