//! Whether the file lies where SQLite can keep its promise.

use std::fs;
use std::path::Path;

use crate::port::Finding;

/// File systems whose locks and shared memory reach one machine only.
const NETWORKED: [&str; 13] = [
    "9p",
    "afs",
    "ceph",
    "cifs",
    "fuse.glusterfs",
    "fuse.sshfs",
    "gfs2",
    "lustre",
    "nfs",
    "nfs4",
    "ocfs2",
    "smb3",
    "smbfs",
];

/// A finding when the file is on a network share. Only Linux tells.
pub(super) fn finding(path: &Path) -> Option<Finding> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let kind = file_system(&mounts, &path.canonicalize().ok()?)?;
    NETWORKED.contains(&kind).then(|| Finding {
        found: format!(
            "the SQLite file `{}` is on a network file system ({kind})",
            path.display()
        ),
        risk: "its locks do not hold between machines: two writers may damage the file".to_owned(),
        remedy: "move it to a local disk, or use a store that is a server, such as PostgreSQL"
            .to_owned(),
    })
}

/// The type of the file system mounted closest above the path; of several at one place, the last hides the others.
fn file_system<'a>(mounts: &'a str, path: &Path) -> Option<&'a str> {
    mounts
        .lines()
        .filter_map(|line| {
            let (mount, kind) = line.split_once(" - ")?;
            let point = unescaped(mount.split(' ').nth(4)?);
            let depth = Path::new(&point).components().count();
            let above = path.starts_with(&point);
            above.then_some((depth, kind.split(' ').next()?))
        })
        .max_by_key(|(depth, _)| *depth)
        .map(|(_, kind)| kind)
}

/// Blanks in the names of mount points are written as `\040`.
fn unescaped(point: &str) -> String {
    point
        .replace("\\040", " ")
        .replace("\\011", "\t")
        .replace("\\134", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
30 22 0:26 / /srv rw shared:2 - xfs /dev/vdb rw
41 30 0:40 / /srv/our\\040share rw shared:9 master:1 - nfs4 nas:/share rw,vers=4.2
";

    #[test]
    fn the_file_system_is_that_of_the_closest_mount_point() {
        let kind = |path: &str| file_system(MOUNTS, Path::new(path));
        assert_eq!(kind("/srv/our share/var/ossa.db"), Some("nfs4"));
        assert_eq!(kind("/srv/our share 2/ossa.db"), Some("xfs"));
        assert_eq!(kind("/var/ossa.db"), Some("ext4"));
    }

    #[test]
    fn a_local_file_is_no_finding() {
        let folder = tempfile::tempdir().map(|it| finding(it.path()));
        assert_eq!(folder.ok(), Some(None));
    }
}
