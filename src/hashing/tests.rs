//! Folders that change between two runs, with and without what the first one remembered.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use filetime::FileTime;

use super::*;
use crate::digest::HashedFolder;

struct Scene {
    place: tempfile::TempDir,
}

impl Scene {
    /// A folder with enough files to be remembered, none of them young.
    fn new() -> Self {
        let scene = Self { place: tempfile::tempdir().unwrap() };
        for number in 0..100 {
            scene.write(&format!("{}/{number}", number % 7), &format!("content {number:03}"));
        }
        scene
    }

    fn top(&self) -> PathBuf {
        self.place.path().canonicalize().unwrap().join("top")
    }

    fn memory(&self) -> Memory {
        Memory::new(self.place.path().join("memory"))
    }

    fn how(&self) -> Hashing {
        Hashing { memory: Some(self.memory()), ..Hashing::default() }
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.top_of(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }

    fn top_of(&self, path: &str) -> PathBuf {
        self.place.path().join("top").join(path)
    }

    /// Hashes as a run would that began so much later.
    fn remembered(&self, later: i128) -> HashedFolder {
        folder_at(&self.top(), &self.how(), Moment(Moment::now().0 + later)).unwrap()
    }

    /// How many files are known without reading them.
    fn known(&self) -> usize {
        let seen = walk::files(&self.top(), &AtomicBool::new(false)).unwrap();
        Remembered::read(&self.memory().folder, &self.top()).digests(&seen).iter().flatten().count()
    }

    /// The only file of the memory.
    fn note(&self) -> PathBuf {
        fs::read_dir(self.memory().folder).unwrap().next().unwrap().unwrap().path()
    }

    /// The folder as it is, which must be the same with and without memory.
    #[track_caller]
    fn hashed(&self) -> HashedFolder {
        let plain = folder(&self.top(), &Hashing::default()).unwrap();
        assert_eq!(folder(&self.top(), &self.how()).unwrap(), plain);
        plain
    }
}

const HOUR: i128 = 3_600_000_000_000;

#[test]
fn the_digest_is_that_of_the_contents() {
    let scene = Scene { place: tempfile::tempdir().unwrap() };
    scene.write("a/run", "#!/bin/sh\n");
    fs::set_permissions(scene.top_of("a/run"), fs::Permissions::from_mode(0o755)).unwrap();
    scene.write("a.b", "");
    let large = "x".repeat(3 << 20);
    scene.write("a/large", &large);
    let files = [("a/run", true, "#!/bin/sh\n"), ("a.b", false, ""), ("a/large", false, &large)];
    let file =
        |(path, executable, text): (&str, bool, &str)| HashedFile::new(path.to_owned(), executable, text.as_bytes());
    assert_eq!(scene.hashed(), HashedFolder::new(files.map(file).to_vec()));
    assert_eq!(scene.hashed().files()[0].path, "a.b", "sorted by bytes");
}

#[test]
fn what_is_remembered_is_not_read_again() {
    let scene = Scene::new();
    let before = scene.remembered(HOUR);
    assert_eq!(scene.known(), 100);
    scene.write("3/3", "another");
    scene.write("new", "new");
    fs::remove_file(scene.top_of("4/4")).unwrap();
    assert_eq!(scene.known(), 98);
    let after = scene.hashed();
    assert_ne!(after.id(), before.id());
    assert_eq!(after.files().len(), 100);
}

#[test]
fn a_change_that_keeps_size_and_times_is_seen() {
    let scene = Scene::new();
    let before = scene.remembered(HOUR);
    let path = scene.top_of("5/5");
    let times = fs::metadata(&path).unwrap();
    let (accessed, modified) = (FileTime::from_last_access_time(&times), FileTime::from_last_modification_time(&times));
    std::thread::sleep(std::time::Duration::from_millis(20)); // longer than the kernel's clock ticks
    fs::write(&path, "CONTENT 005").unwrap();
    filetime::set_file_times(&path, accessed, modified).unwrap();
    assert_eq!(FileTime::from_last_modification_time(&fs::metadata(&path).unwrap()), modified);
    assert_eq!(scene.known(), 99);
    assert_ne!(scene.hashed().id(), before.id());
    // Another file in its place, with the same size and the same mtime.
    let scene = Scene::new();
    let before = scene.remembered(HOUR);
    scene.write("other", "CONTENT 005");
    filetime::set_file_mtime(scene.top_of("other"), modified).unwrap();
    fs::rename(scene.top_of("other"), scene.top_of("5/5")).unwrap();
    assert_eq!(scene.known(), 99);
    assert_ne!(scene.hashed().id(), before.id());
}

#[test]
fn a_file_that_was_changed_just_before_is_not_believed() {
    let scene = Scene::new();
    scene.remembered(0);
    assert!(!scene.memory().folder.exists(), "all of them could change once more in the same instant");
    scene.remembered(HOUR);
    filetime::set_file_mtime(scene.top_of("6/6"), FileTime::from_unix_time(4_102_444_800, 0)).unwrap();
    scene.remembered(2 * HOUR);
    assert_eq!(scene.known(), 99, "one that is from the future never is");
    scene.hashed();
}

#[test]
fn a_damaged_or_foreign_memory_counts_as_none() {
    let scene = Scene::new();
    let folder = scene.remembered(HOUR);
    let whole = fs::read(scene.note()).unwrap();
    assert!(!String::from_utf8_lossy(&whole).contains(&*scene.place.path().to_string_lossy()), "no path of ours");
    for at in [0, 40, whole.len() / 2, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        for bytes in [damaged.as_slice(), &whole[..at], &[&whole[..], b"x"].concat()] {
            fs::write(scene.note(), bytes).unwrap();
            assert_eq!(scene.known(), 0, "at {at}");
        }
    }
    fs::write(scene.note(), &whole).unwrap();
    assert_eq!((scene.known(), scene.hashed()), (100, folder));
    // The note of another folder with the same files.
    let note = scene.note();
    fs::rename(scene.top(), scene.place.path().join("other")).unwrap();
    let other = scene.place.path().canonicalize().unwrap().join("other");
    let seen = walk::files(&other, &AtomicBool::new(false)).unwrap();
    let place = note.with_file_name(&blake3::hash(other.as_os_str().as_encoded_bytes()).to_hex()[..32]);
    fs::rename(&note, &place).unwrap();
    assert!(Remembered::read(&scene.memory().folder, &other).digests(&seen).iter().all(Option::is_none));
}

#[test]
fn a_memory_that_cannot_be_written_is_no_problem() {
    let scene = Scene::new();
    fs::write(scene.place.path().join("memory"), "a file").unwrap();
    scene.hashed();
}

#[test]
fn only_so_many_folders_are_remembered() {
    let scene = Scene::new();
    scene.remembered(HOUR);
    let folder = scene.memory().folder;
    for number in 0..100 {
        fs::write(folder.join(format!("{number:032}")), "").unwrap();
    }
    fs::remove_file(folder.join(format!("{:032}", 0))).unwrap();
    scene.write("7/new", "new");
    scene.remembered(2 * HOUR);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 64);
    assert_eq!(scene.known(), 101, "the youngest stay");
}

#[test]
fn the_first_problem_by_path_is_told() {
    let scene = Scene::new();
    symlink("/etc/passwd", scene.top_of("6/link")).unwrap();
    symlink("nowhere", scene.top_of("2/link")).unwrap();
    let told = |scene: &Scene| folder(&scene.top(), &Hashing::default()).unwrap_err().to_string();
    assert_eq!(told(&scene), "`2/link` is neither a file nor a folder");
    let odd = b"1/\xff".to_vec();
    fs::write(scene.place.path().join("top").join(OsString::from_vec(odd)), "").unwrap();
    assert_eq!(told(&scene), "the name `1/\u{fffd}` is not UTF-8");
    fs::remove_dir_all(scene.top()).unwrap();
    assert!(told(&scene).starts_with("cannot read ``: "), "{}", told(&scene));
}

#[test]
fn a_folder_with_many_files_is_seen_whole_and_in_order() {
    let scene = Scene { place: tempfile::tempdir().unwrap() };
    fs::create_dir_all(scene.top_of("deep/er")).unwrap();
    (0..1_300).for_each(|number| fs::write(scene.top_of(&format!("deep/er/{number}")), "").unwrap());
    let files = walk::files(&scene.top(), &AtomicBool::new(false)).unwrap();
    assert_eq!(files.len(), 1_300);
    assert!(files.is_sorted_by(|one, other| one.path < other.path));
}

#[test]
fn an_interrupted_run_reads_nothing_more_and_remembers_nothing() {
    let scene = Scene::new();
    let interrupted = Arc::new(AtomicBool::new(true));
    let how = Hashing { interrupted: Arc::clone(&interrupted), ..scene.how() };
    let later = Moment(Moment::now().0 + HOUR);
    assert!(matches!(folder_at(&scene.top(), &how, later), Err(HashingError::Interrupted)));
    assert!(matches!(file(&scene.top_of("5/5"), "5", &how), Err(HashingError::Interrupted)));
    let seen = walk::files(&scene.top(), &AtomicBool::new(false)).unwrap();
    let digests = content::digests(&scene.top(), &seen, &[0, 1], &interrupted);
    assert!(matches!(digests, Err(HashingError::Interrupted)));
    assert!(!scene.memory().folder.exists());
}
