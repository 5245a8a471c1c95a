//! What a file may not exceed, and that what just fits is read.

use ossa_runtime::manifest::{
    Level, MAX_ALIAS_NODES, MAX_BYTES, MAX_DEPTH, MAX_DOCUMENTS, MAX_FINDINGS, MAX_STEPS, code,
};

use crate::{codes, lenient, only, said, steps, strict, task, workflow_of};

/// A task padded with a comment to so many bytes.
fn task_of_bytes(bytes: usize) -> String {
    let mut text = task("capabilities: [a]");
    text.push('#');
    text.push_str(&"x".repeat(bytes - text.len()));
    text
}

#[test]
fn a_file_of_one_mebibyte_is_read_and_one_byte_more_is_not() {
    assert!(lenient(&task_of_bytes(MAX_BYTES)).is_valid());
    let refused = lenient(&task_of_bytes(MAX_BYTES + 1));
    assert_eq!(codes(&refused), [code::TOO_LARGE]);
    assert_eq!(
        only(&refused, code::TOO_LARGE).message,
        "the file has 1048577 bytes, more than 1048576"
    );
}

#[test]
fn a_file_of_a_thousand_documents_is_read_and_one_more_is_not() {
    let one = format!("---\n{}", task("capabilities: [a]"));
    let fits = lenient(&one.repeat(MAX_DOCUMENTS));
    assert_eq!(fits.manifests().count(), MAX_DOCUMENTS);
    let refused = lenient(&one.repeat(MAX_DOCUMENTS + 1));
    assert_eq!(codes(&refused), [code::TOO_LARGE]);
}

/// `input` with a schema of lists in lists, so deep that the document has `depth` levels.
fn task_of_depth(depth: usize) -> String {
    // The document, `spec`, `input` and `default` are three levels around the lists.
    let lists = depth - 3;
    let (open, close) = ("[".repeat(lists), "]".repeat(lists));
    task(&format!(
        "capabilities: [a]\ninput:\n  default: {open}{close}"
    ))
}

#[test]
fn forty_levels_are_read_and_one_more_is_not() {
    assert!(lenient(&task_of_depth(MAX_DEPTH)).is_valid());
    assert_eq!(
        codes(&lenient(&task_of_depth(MAX_DEPTH + 1))),
        [code::TOO_DEEP]
    );
}

#[test]
fn a_thousand_levels_are_refused_without_a_stack_overflow() {
    assert_eq!(codes(&lenient(&task_of_depth(100_000))), [code::TOO_DEEP]);
    let blocks: String = (0..1_000)
        .map(|depth| format!("{:depth$}a:\n", ""))
        .collect();
    assert_eq!(codes(&lenient(&blocks)), [code::TOO_DEEP]);
    let flow = "{a: ".repeat(1_000);
    assert!(!lenient(&flow).is_valid());
}

#[test]
fn steps_as_deep_as_a_document_may_nest_are_loaded_at_both_levels() {
    let (open, close) = ("{id: sN, parallel: [", "]}");
    // Each block is two levels; the document, `spec` and `steps` are three more.
    let blocks = (MAX_DEPTH - 3) / 2;
    let nested: String = (0..blocks)
        .map(|block| open.replace('N', &block.to_string()))
        .chain(["{id: last}".to_owned()])
        .chain((0..blocks).map(|_| close.to_owned()))
        .collect();
    let text = steps(&format!("- {nested}"));
    assert!(lenient(&text).is_valid(), "{:?}", codes(&lenient(&text)));
    assert!(strict(&text).is_valid(), "{:?}", codes(&strict(&text)));
}

#[test]
fn ten_thousand_steps_are_read_inner_steps_included() {
    let list: String = (0..MAX_STEPS - 2)
        .map(|step| format!("- {{id: s{step}, depends_on: []}}\n"))
        .collect();
    let fits = steps(&format!(
        "{list}- {{id: block, parallel: [{{id: inner}}]}}\n"
    ));
    assert_eq!(workflow_of(&fits).steps.len(), MAX_STEPS - 1);
    let more = steps(&format!(
        "{list}- {{id: block, parallel: [{{id: inner}}, {{id: more}}]}}\n"
    ));
    let refused = said(&more, Level::Lenient, code::TOO_MANY_STEPS);
    assert_eq!(refused.path, "$.spec.steps[9998].parallel[1]");
}

#[test]
fn aliases_may_expand_up_to_their_bound() {
    let list = |count: usize| vec!["*a"; count].join(", ");
    // An alias of a list of eight is ten events: its begin, its end and its elements.
    let text = |count| {
        format!(
            "apiVersion: ossa/v0.3.0\nkind: Task\nmetadata: {{name: example}}\nextensions: {{a: &a [x, x, x, x, x, x, x, x], b: [{}]}}\nspec: {{capabilities: [a]}}\n",
            list(count)
        )
    };
    assert!(lenient(&text(MAX_ALIAS_NODES / 10)).is_valid());
    assert_eq!(
        codes(&lenient(&text(MAX_ALIAS_NODES / 10 + 1))),
        [code::TOO_MANY_ALIASES]
    );
}

#[test]
fn a_few_lines_that_expand_to_billions_are_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    assert_eq!(codes(&lenient(&bomb)), [code::TOO_MANY_ALIASES]);
    let merged = bomb.replace('[', "{<<: [").replace(']', "]}");
    assert!(!lenient(&merged).is_valid());
}

#[test]
fn an_alias_of_itself_is_refused() {
    assert!(!lenient("a: &a [*a]\n").is_valid());
    assert!(!lenient("a: &a {b: *a}\n").is_valid());
}

#[test]
fn what_cannot_be_read_in_one_document_does_not_count_in_the_next() {
    let deep = task_of_depth(MAX_DEPTH + 1);
    let fine = task("capabilities: [a]");
    let loaded = lenient(&format!("{deep}---\n{fine}---\n{deep}---\n{fine}"));
    let valid: Vec<_> = loaded
        .documents
        .iter()
        .map(|document| document.is_valid())
        .collect();
    assert_eq!(valid, [false, true, false, true]);
}

#[test]
fn a_document_with_countless_mistakes_is_answered_with_the_first_of_them() {
    let unknown: String = (0..5_000)
        .map(|step| format!("- {{id: a-long-name-{step}, depends_on: [another-name-{step}]}}\n"))
        .collect();
    let fields: String = (0..20_000)
        .map(|field| format!("field_{field}: 1\n"))
        .collect();
    for (text, code) in [
        (steps(&unknown), code::UNKNOWN_STEP),
        (
            task(&format!("capabilities: [a]\n{fields}")),
            code::IGNORED_FIELD,
        ),
    ] {
        let found = codes(&lenient(&text));
        assert_eq!(found.len(), MAX_FINDINGS + 1);
        assert_eq!(
            found.iter().filter(|found| **found == code).count(),
            MAX_FINDINGS
        );
        assert!(found.contains(&code::TOO_MANY_FINDINGS));
        assert!(codes(&strict(&text)).contains(&code::TOO_MANY_FINDINGS));
    }
}
