//! Following references: the folder of the manifest, the manifest roots, names; and never out of them.

use std::fs;
use std::path::{Path, PathBuf};

use ossa_runtime::manifest::model::{Manifest, Origin, Reference};
use ossa_runtime::manifest::{Catalog, CatalogError, Kind, Level, Severity, Texts, code};
use tempfile::TempDir;

use crate::{steps, task};

fn named(name: &str) -> String {
    task("execution: {type: idempotent, entrypoint: a}").replace("example", name)
}

fn calling(name: &str, reference: &str) -> String {
    steps(&format!("- {{id: a, ref: '{reference}'}}")).replace("example", name)
}

/// A folder on the disk with these files.
fn folder(files: &[(&str, String)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn from(file: impl Into<PathBuf>) -> Origin {
    Origin {
        file: Some(file.into()),
        index: 0,
    }
}

/// The name of the manifest that `reference` leads to, or the code of the refusal.
fn led(catalog: &Catalog, reference: &str, from: &Origin) -> Result<String, &'static str> {
    let found = catalog.resolve(&Reference(reference.to_owned()), from);
    found
        .map(|manifest| manifest.metadata.name.clone())
        .map_err(|error| error.code())
}

fn workflow_in(catalog: &Catalog, name: &str) -> std::sync::Arc<Manifest> {
    catalog.find(Kind::Workflow, name).unwrap()
}

#[test]
fn a_reference_is_looked_for_beside_the_manifest_first_then_below_the_roots_in_their_order() {
    let files = Texts::default()
        .with("/m/flows/flow.ossa.yaml", calling("flow", "work.yaml"))
        .with("/m/flows/work.yaml", named("beside"))
        .with("/m/work.yaml", named("first-root"))
        .with("/n/work.yaml", named("second-root"));
    let catalog = Catalog::with_files(["/m", "/n"], files);
    let flow = from("/m/flows/flow.ossa.yaml");
    assert_eq!(led(&catalog, "work.yaml", &flow), Ok("beside".to_owned()));
    let elsewhere = from("/m/other/flow.ossa.yaml");
    assert_eq!(
        led(&catalog, "work.yaml", &elsewhere),
        Ok("first-root".to_owned())
    );
    let reversed = Catalog::with_files(
        ["/n", "/m"],
        Texts::default()
            .with("/m/work.yaml", named("first-root"))
            .with("/n/work.yaml", named("second-root")),
    );
    assert_eq!(
        led(&reversed, "work.yaml", &elsewhere),
        Ok("second-root".to_owned())
    );
}

#[test]
fn endings_may_be_left_out_and_names_and_uris_lead_there_too() {
    let files = Texts::default().with("/m/tasks/send-mail.ossa.yaml", named("mail"));
    let catalog = Catalog::with_files(["/m"], files);
    let nowhere = Origin::default();
    for reference in [
        "tasks/send-mail.ossa.yaml",
        "./tasks/send-mail.ossa.yaml",
        "tasks/send-mail",
        // By the name of the file alone, whatever folder is written.
        "send-mail",
        "other/send-mail.yaml",
        // By `metadata.name`.
        "mail",
        "ossa://shop/mail",
        " mail ",
    ] {
        assert_eq!(
            led(&catalog, reference, &nowhere),
            Ok("mail".to_owned()),
            "{reference}"
        );
    }
}

#[test]
fn a_fragment_names_one_document_of_a_file() {
    let both = format!("{}---\n{}", named("first"), named("second"));
    let files = Texts::default().with("/m/both.ossa.yaml", both);
    let catalog = Catalog::with_files(["/m"], files);
    let nowhere = Origin::default();
    assert_eq!(
        led(&catalog, "both.ossa.yaml", &nowhere),
        Ok("first".to_owned())
    );
    assert_eq!(
        led(&catalog, "both.ossa.yaml#second", &nowhere),
        Ok("second".to_owned())
    );
    assert_eq!(led(&catalog, "second", &nowhere), Ok("second".to_owned()));
    assert_eq!(
        led(&catalog, "both#third", &nowhere),
        Err(code::UNRESOLVED_REFERENCE)
    );
}

#[test]
fn a_file_name_that_fits_several_files_is_refused() {
    let files = Texts::default()
        .with("/m/a/work.yaml", named("one"))
        .with("/m/b/work.yaml", named("two"));
    let catalog = Catalog::with_files(["/m"], files);
    let refused = catalog
        .resolve(&Reference("work".to_owned()), &Origin::default())
        .unwrap_err();
    assert_eq!(refused.code(), code::AMBIGUOUS_NAME);
    let CatalogError::Ambiguous { candidates, .. } = refused else {
        panic!("{refused}");
    };
    assert_eq!(
        candidates,
        [Path::new("/m/a/work.yaml"), Path::new("/m/b/work.yaml")]
    );
}

#[test]
fn of_two_manifests_with_one_name_the_first_is_used_and_the_other_told() {
    let files = Texts::default()
        .with("/m/a.yaml", named("work"))
        .with("/m/b.yaml", named("work"));
    let catalog = Catalog::with_files(["/m"], files);
    let found = catalog.find(Kind::Task, "work").unwrap();
    assert_eq!(found.origin.file.as_deref(), Some(Path::new("/m/a.yaml")));
    let problems = catalog.problems();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(
        (problems[0].code, problems[0].severity),
        (code::AMBIGUOUS_NAME, Severity::Warning)
    );
    assert_eq!(problems[0].file.as_deref(), Some(Path::new("/m/b.yaml")));
}

#[test]
fn a_reference_to_nothing_names_the_nearest_and_one_to_a_broken_file_its_error() {
    let files = Texts::default()
        .with("/m/read.ossa.yaml", named("read"))
        .with("/m/broken.ossa.yaml", task("description: does nothing"));
    let catalog = Catalog::with_files(["/m"], files);
    let nowhere = Origin::default();
    let missing = catalog
        .resolve(&Reference("raed".to_owned()), &nowhere)
        .unwrap_err();
    assert_eq!(missing.code(), code::UNRESOLVED_REFERENCE);
    assert_eq!(
        missing.to_string(),
        "the reference `raed` leads to no manifest; did you mean `read`?"
    );
    let broken = catalog
        .resolve(&Reference("broken".to_owned()), &nowhere)
        .unwrap_err();
    assert_eq!(broken.code(), code::MISSING_FIELD);
    let by_name = catalog.find(Kind::Task, "example").unwrap_err();
    assert_eq!(by_name.code(), code::MISSING_FIELD);
    let unknown = catalog.find(Kind::Workflow, "read").unwrap_err();
    assert_eq!(unknown.code(), code::UNRESOLVED_REFERENCE);
}

#[test]
fn a_reference_with_an_expression_is_left_to_the_run() {
    let files = Texts::default().with("/m/flow.yaml", calling("flow", "tasks/${{ item.task }}"));
    let catalog = Catalog::with_files(["/m"], files);
    let flow = workflow_in(&catalog, "flow");
    assert!(catalog.check_references(&flow).is_empty());
    let refused = catalog.resolve(
        &Reference("tasks/${{ item.task }}".to_owned()),
        &flow.origin,
    );
    assert!(matches!(refused, Err(CatalogError::Dynamic { .. })));
}

#[test]
fn no_number_of_parents_leads_out_of_the_roots() {
    let outer = folder(&[
        ("secret.ossa.yaml", named("secret")),
        ("roots/m/flows/flow.ossa.yaml", calling("flow", "x")),
        ("roots/m/work.yaml", named("work")),
        ("roots/n/other.yaml", named("other")),
    ]);
    let (m, n) = (outer.path().join("roots/m"), outer.path().join("roots/n"));
    let catalog = Catalog::new([&m, &n]);
    let flow = from(m.join("flows/flow.ossa.yaml"));
    // Within a root, and from one root to another, parents are fine.
    assert_eq!(led(&catalog, "../work.yaml", &flow), Ok("work".to_owned()));
    assert_eq!(
        led(&catalog, "../../n/other.yaml", &flow),
        Ok("other".to_owned())
    );
    for reference in [
        "../../../secret.ossa.yaml",
        "../../../secret",
        "../../../../../../../../../../etc/hostname",
        "../../../missing.yaml",
        "flows/../../../secret.ossa.yaml",
        "./.././../../secret.ossa.yaml",
        "nowhere/../../../../secret.ossa.yaml",
    ] {
        assert_eq!(
            led(&catalog, reference, &flow),
            Err(code::ESCAPING_REFERENCE),
            "{reference}"
        );
    }
    // Nor does any other spelling reach the file.
    let absolute = outer.path().join("secret.ossa.yaml");
    for reference in ["secret", "ossa://x/../secret", &*absolute.to_string_lossy()] {
        assert!(led(&catalog, reference, &flow).is_err(), "{reference}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_roots_is_not_followed_and_one_within_them_is() {
    use std::os::unix::fs::symlink;
    let outer = folder(&[
        ("secret.ossa.yaml", named("secret")),
        ("hidden/inner.ossa.yaml", named("inner")),
        ("m/work.ossa.yaml", named("work")),
        ("m/flow.ossa.yaml", calling("flow", "x")),
    ]);
    let root = outer.path().join("m");
    symlink(
        outer.path().join("secret.ossa.yaml"),
        root.join("link.ossa.yaml"),
    )
    .unwrap();
    symlink(outer.path().join("hidden"), root.join("folder")).unwrap();
    symlink(root.join("work.ossa.yaml"), root.join("again.ossa.yaml")).unwrap();
    symlink("loop.ossa.yaml", root.join("loop.ossa.yaml")).unwrap();
    let catalog = Catalog::new([&root]);
    let flow = from(root.join("flow.ossa.yaml"));
    for reference in ["link.ossa.yaml", "link", "folder/inner.ossa.yaml"] {
        assert_eq!(
            led(&catalog, reference, &flow),
            Err(code::ESCAPING_REFERENCE),
            "{reference}"
        );
    }
    assert_eq!(led(&catalog, "again", &flow), Ok("work".to_owned()));
    assert_eq!(
        led(&catalog, "loop", &flow),
        Err(code::UNRESOLVED_REFERENCE)
    );
    let names: Vec<_> = catalog
        .manifests()
        .iter()
        .map(|manifest| manifest.metadata.name.clone())
        .collect();
    assert_eq!(names, ["work", "flow"]);
}

#[cfg(unix)]
#[test]
fn a_root_that_is_a_link_is_the_folder_it_leads_to() {
    let outer = folder(&[
        ("real/work.ossa.yaml", named("work")),
        ("real/flow.ossa.yaml", calling("flow", "./work.ossa.yaml")),
    ]);
    let link = outer.path().join("link");
    std::os::unix::fs::symlink(outer.path().join("real"), &link).unwrap();
    let catalog = Catalog::new([&link]);
    let flow = workflow_in(&catalog, "flow");
    assert!(catalog.check_references(&flow).is_empty());
}

#[test]
fn the_references_of_a_manifest_are_checked_wherever_they_stand() {
    let text = crate::workflow(
        "steps:
  - {id: a, ref: nowhere}
  - {id: b, parallel: [{id: c, kind: Agent, ref: nobody}]}
  - id: d
    branches: [{condition: 'true', steps: [{id: e, ref: nowhere}]}]
    else: [{id: f, ref: nowhere}]
  - {id: g, loop: {over: '${{ input.list }}'}, steps: [{id: h, ref: nowhere}]}
  - {id: i, ref: work, on_error: {action: compensate, compensation: {id: j, ref: nowhere}}}
  - id: k
    inline: {execution: {entrypoint: x}, error_handling: {on_error: fallback, fallback_task: nowhere}}
error_handling:
  on_failure: compensate
  compensation_steps: [{id: l, ref: nowhere}]",
    );
    let files = || {
        Texts::default()
            .with("/m/flow.yaml", text.clone())
            .with("/m/work.yaml", named("work"))
    };
    for (level, severity) in [
        (Level::Lenient, Severity::Warning),
        (Level::Strict, Severity::Error),
    ] {
        let catalog = Catalog::with_files(["/m"], files()).at_level(level);
        let flow = workflow_in(&catalog, "example");
        let found = catalog.check_references(&flow);
        let mut paths: Vec<_> = found.iter().map(|found| &*found.path).collect();
        paths.sort_unstable();
        assert_eq!(
            paths,
            [
                "$.spec.error_handling.compensation_steps[0].ref",
                "$.spec.steps[0].ref",
                "$.spec.steps[1].parallel[0].ref",
                "$.spec.steps[2].branches[0].steps[0].ref",
                "$.spec.steps[2].else[0].ref",
                "$.spec.steps[3].steps[0].ref",
                "$.spec.steps[4].on_error.compensation.ref",
                "$.spec.steps[5].inline.error_handling.fallback_task",
            ]
        );
        for found in &found {
            assert_eq!(
                (found.code, found.severity),
                (code::UNRESOLVED_REFERENCE, severity)
            );
            assert!(found.help.is_some());
        }
    }
}

#[test]
fn a_dependency_that_is_optional_need_not_be_there() {
    let text = task(
        "capabilities: [a]\ndependencies: [{ref: nowhere, optional: true}, {ref: nowhere-else}]",
    );
    let catalog = Catalog::with_files(["/m"], Texts::default().with("/m/a.yaml", text));
    let found = catalog.check_references(&catalog.find(Kind::Task, "example").unwrap());
    let paths: Vec<_> = found.iter().map(|found| &*found.path).collect();
    assert_eq!(paths, ["$.spec.dependencies[1].ref"]);
}

#[test]
fn a_reference_out_of_the_roots_is_an_error_at_both_levels() {
    for level in [Level::Lenient, Level::Strict] {
        let files = Texts::default().with("/m/flow.yaml", calling("flow", "../../secret.yaml"));
        let catalog = Catalog::with_files(["/m"], files).at_level(level);
        let found = catalog.check_references(&workflow_in(&catalog, "flow"));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            (found[0].code, found[0].severity),
            (code::ESCAPING_REFERENCE, Severity::Error)
        );
        assert_eq!(
            found[0].help.as_deref(),
            Some("move the file below a manifest root, or add a root")
        );
    }
}

#[test]
fn files_that_are_no_manifests_and_folders_of_tools_are_passed_over() {
    let root = folder(&[
        ("work.yaml", named("work")),
        ("composer.json", "{\"name\": \"a/b\"}".to_owned()),
        ("config/services.yaml", "services: {}\n".to_owned()),
        ("notes.txt", named("notes")),
        ("vendor/x/copied.ossa.yaml", named("copied")),
        ("node_modules/x.ossa.yaml", named("copied")),
        ("deep/er/still.ossa.json", "{".to_owned()),
    ]);
    let catalog = Catalog::new([root.path()]);
    let names: Vec<_> = catalog
        .manifests()
        .iter()
        .map(|manifest| manifest.metadata.name.clone())
        .collect();
    assert_eq!(names, ["work"]);
    // A file that is called a manifest and is none is told.
    let broken: Vec<_> = catalog
        .documents()
        .into_iter()
        .filter(|document| !document.is_valid())
        .map(|document| document.diagnostics[0].code)
        .collect();
    assert_eq!(broken, [code::SYNTAX]);
}

#[test]
fn a_root_may_be_a_file_and_one_that_is_not_there_is_a_problem() {
    let root = folder(&[("work.yaml", named("work"))]);
    let catalog = Catalog::new([root.path().join("work.yaml")]);
    assert!(catalog.find(Kind::Task, "work").is_ok());
    let catalog = Catalog::new([root.path().join("nowhere")]);
    let problems = catalog.problems();
    assert_eq!(problems.len(), 1);
    assert_eq!(
        (problems[0].code, problems[0].severity),
        (code::UNREADABLE, Severity::Error)
    );
}

#[test]
fn a_catalog_keeps_what_it_read_until_it_is_told_to_forget() {
    let root = folder(&[("work.yaml", named("work"))]);
    let catalog = Catalog::new([root.path()]);
    assert!(catalog.find(Kind::Task, "more").is_err());
    fs::write(root.path().join("more.yaml"), named("more")).unwrap();
    assert!(catalog.find(Kind::Task, "more").is_err());
    catalog.reload();
    assert!(catalog.find(Kind::Task, "more").is_ok());
}
