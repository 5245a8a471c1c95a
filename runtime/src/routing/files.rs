//! Rules out of loaded files, with what is to be said at its place in them.

use crate::manifest::Loaded;
use crate::manifest::model::{Manifest, Origin};

use super::rules::{Host, Rules};

impl Rules {
    /// Compiles all message routing of `files`, in their order, and adds what is to be said to their documents. `None` =
    /// some document has errors.
    pub fn of_files(files: &mut [Loaded], host: &Host<'_>) -> Option<Self> {
        let manifests: Vec<&Manifest> = files
            .iter()
            .flat_map(Loaded::manifests)
            .map(|manifest| &**manifest)
            .collect();
        let origins: Vec<Origin> = manifests.iter().map(|it| it.origin.clone()).collect();
        let compiled = Self::compile(manifests, host);
        let findings = match &compiled {
            Ok(rules) => rules.warnings().to_vec(),
            Err(findings) => findings.clone(),
        };
        for loaded in &mut *files {
            loaded.review(|manifest| {
                let own = findings
                    .iter()
                    .filter(|finding| origins.get(finding.manifest) == Some(&manifest.origin));
                own.map(|finding| finding.diagnostic.clone()).collect()
            });
        }
        compiled.ok().filter(|_| files.iter().all(Loaded::is_valid))
    }
}
