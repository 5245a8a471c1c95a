//! Every code of routing has a page whose example leads to it.

use std::path::Path;

use ossa_runtime::manifest::{Options, load_str};
use ossa_runtime::port::Timestamp;
use ossa_runtime::routing::{Envelope, Host, Rules, code, review};

/// What stands between the fences of a language.
pub(crate) fn blocks(page: &str, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once(&format!("```{language}\n")) {
        let (block, after) = after.split_once("\n```").unwrap();
        found.push(block.to_owned());
        rest = after;
    }
    found
}

pub(crate) fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn codes_of_manifests(text: &str) -> Vec<&'static str> {
    let loaded = load_str(text, &Options::default());
    let problems: Vec<_> = loaded.diagnostics().filter(|it| it.is_error()).collect();
    assert!(problems.is_empty(), "{problems:?}");
    let manifests: Vec<_> = loaded.manifests().map(|it| &**it).collect();
    let findings = match Rules::compile(manifests.iter().copied(), &Host::default()) {
        Ok(rules) => rules.warnings().to_vec(),
        Err(findings) => findings,
    };
    let alone = manifests
        .iter()
        .flat_map(|manifest| review(manifest, &Host::default()));
    let all = findings.into_iter().map(|it| it.diagnostic).chain(alone);
    all.map(|it| it.code).collect()
}

#[test]
fn every_code_of_routing_has_a_page_whose_example_leads_to_it() {
    for code in code::ALL {
        let page = read(&format!("errors/{code}.md"));
        assert!(page.starts_with(&format!("# {code}: ")), "{code}");
        let messages = blocks(&page, "json");
        let found: Vec<&str> = match &*blocks(&page, "yaml") {
            [] => messages
                .iter()
                .filter_map(|text| Envelope::from_json(text, Timestamp::EPOCH).err())
                .map(|error| error.code())
                .collect(),
            [manifests] => codes_of_manifests(manifests),
            _ => panic!("{code} has several examples"),
        };
        assert!(found.contains(code), "{code}: {found:?}");
    }
}
