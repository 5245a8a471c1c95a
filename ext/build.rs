//! Link settings of the extension.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // PHP unloads modules before the process ends. A thread that is still busy then, because its store does not answer,
    // must not lose the code it runs.
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo::rustc-link-arg-cdylib=-Wl,-z,nodelete");
    }
}
