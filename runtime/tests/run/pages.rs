//! Every code of plans and runs has its page.

use std::path::Path;

#[test]
fn every_code_has_a_page_with_cause_and_fix() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("errors");
    let plan = (1..=22).map(|number| format!("OSSA-P{number:03}"));
    let run = (1..=16).map(|number| format!("OSSA-R{number:03}"));
    for code in plan.chain(run) {
        let page = std::fs::read_to_string(folder.join(format!("{code}.md"))).expect(&code);
        assert!(page.starts_with(&format!("# {code}: ")), "{code}");
        assert!(
            page.contains("\n## Cause\n") && page.contains("\n## Fix\n"),
            "{code}"
        );
    }
}
