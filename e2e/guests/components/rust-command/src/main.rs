//! A command of preview 1 that the adapter makes a command of 0.2: it does what
//! its first argument says.

use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::time::{Duration, Instant, SystemTime};
use std::{env, process, thread};

fn main() -> io::Result<()> {
    let args: Vec<String> = env::args().collect();
    match args.get(1).map(String::as_str) {
        Some("args") => args[2..].iter().for_each(|a| println!("{a}")),
        Some("env") => env::vars().for_each(|(k, v)| println!("{k}={v}")),
        Some("exit") => process::exit(args[2].parse().unwrap()),
        Some("panic") => panic!("asked for"),
        Some("cat") => {
            io::copy(&mut io::stdin(), &mut io::stdout())?;
        }
        Some("files") => {
            files()?;
            directories()?;
            clocks();
            random();
        }
        Some("stderr") => eprintln!("to stderr"),
        Some("read") => {
            io::copy(&mut File::open(&args[2])?, &mut io::stdout())?;
        }
        _ => println!("Hello from Rust"),
    }
    Ok(())
}

fn files() -> io::Result<()> {
    let mut f = OpenOptions::new().create_new(true).read(true).write(true).open("a.txt")?;
    f.write_all(b"hello world")?;
    assert_eq!(f.seek(SeekFrom::Start(6))?, 6);
    let mut s = String::new();
    f.read_to_string(&mut s)?;
    assert_eq!(s, "world");
    f.set_len(5)?;
    f.set_times(FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + Duration::new(2000, 7)))?;
    f.sync_all()?;
    let meta = f.metadata()?;
    assert!(meta.is_file() && meta.len() == 5);
    assert_eq!(meta.modified()?.duration_since(SystemTime::UNIX_EPOCH).unwrap(), Duration::new(2000, 7));
    drop(f);
    assert_eq!(fails(OpenOptions::new().create_new(true).write(true).open("a.txt")), ErrorKind::AlreadyExists);
    assert_eq!(fails(File::open("none")), ErrorKind::NotFound);
    assert_eq!(fails(fs::read("../a.txt")), ErrorKind::PermissionDenied);
    OpenOptions::new().append(true).open("a.txt")?.write_all(b"!")?;
    assert_eq!(fs::read("a.txt")?, b"hello!");
    assert_eq!(fs::copy("a.txt", "b.txt")?, 6);
    fs::rename("b.txt", "c.txt")?;
    assert_eq!(fs::read("c.txt")?, b"hello!");
    fs::remove_file("c.txt")
}

fn directories() -> io::Result<()> {
    fs::create_dir_all("d/e/f")?;
    assert_eq!(fails(fs::create_dir("d")), ErrorKind::AlreadyExists);
    fs::hard_link("a.txt", "d/b.txt")?;
    assert_eq!(fs::remove_dir("d").unwrap_err().raw_os_error(), Some(55)); // ENOTEMPTY has no kind here
    let mut names: Vec<_> = fs::read_dir("d")?
        .map(|e| e.map(|e| (e.file_name().into_string().unwrap(), e.file_type().unwrap().is_dir())))
        .collect::<io::Result<_>>()?;
    names.sort();
    assert_eq!(names, [("b.txt".to_string(), false), ("e".to_string(), true)]);
    for n in 0..300 {
        fs::write(format!("d/e/{n}"), [])?; // more than one buffer of names
    }
    assert_eq!(fs::read_dir("d/e")?.count(), 301);
    fs::remove_dir_all("d")?;
    fs::remove_file("a.txt")?;
    assert_eq!(fs::read_dir(".")?.count(), 0);
    Ok(())
}

fn clocks() {
    assert!(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() > 1_700_000_000);
    let before = Instant::now();
    let nap = Duration::from_millis(2);
    thread::sleep(nap);
    assert!(before.elapsed() >= nap);
}

/// The seeds of two maps differ.
fn random() {
    use std::collections::HashSet;
    let orders: HashSet<Vec<u32>> = (0..4).map(|_| (0..1000).collect::<HashSet<u32>>().into_iter().collect()).collect();
    assert!(orders.len() > 1);
}

fn fails<T>(r: io::Result<T>) -> ErrorKind {
    match r {
        Ok(_) => panic!("it worked"),
        Err(err) => err.kind(),
    }
}
