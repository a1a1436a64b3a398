//! The report of a run: what was done, what happened, what each process used.

use crate::setting::Setting;
use crate::watch::{Life, Moment, Watch, median};
use crate::{NODES, REPLICAS};
use plex_tests::{End, Jobs, Load};
use std::fmt::Write as _;
use std::time::Duration;

/// About as many rows as the table has.
const ROWS: u32 = 60;

pub(crate) fn markdown(setting: &Setting, watch: &Watch, (load, jobs): (&Load, &Jobs)) -> String {
    let growths: Vec<_> = watch.growths(setting.warm_up()).collect();
    let flat = growths.iter().all(super::watch::Growth::is_flat);
    let count = |is: fn(&End) -> bool| jobs.values().filter(|(_, end)| is(end)).count();
    let mut text = format!(
        "# Soak\n\n\
         {REPLICAS} replicas on one PostgreSQL, one bucket and one NATS for {} s, under a steady load while all of them fail by a \
         schedule. Written by `cargo xtask bench --only soak`; `{setting}` repeats the schedule.\n\n\
         * **Verdict: nothing answered was lost, every invocation ended, nothing ran twice, the chains verify; memory and open files {}.**\n\
         * {}, {} cores, {}\n\
         * {} executions by {NODES} simulated nodes and {REPLICAS} agents: {} with an output in the log, {} with one in the bucket, \
         {} that nobody reported and that timed out. Each was read back and compared.\n\
         * {} storms; {} requests got no answer, or one that said to try again. The longest wait from the first try to the answer: {:.1} s.\n\n",
        setting.length.as_secs(),
        if flat { "are flat" } else { "GROW" },
        jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC"),
        std::thread::available_parallelism().map_or(0, usize::from),
        kernel(),
        jobs.len(),
        count(|end| matches!(end, End::Inline(_))),
        count(|end| matches!(end, End::Stored(_))),
        count(|end| matches!(end, End::TimedOut)),
        watch.storms.len(),
        load.unanswered(),
        load.longest().as_secs_f64(),
    );
    text.push_str(
        "Medians of quiet moments, between storms; of each process the first and the last fifth of them after its warm-up, \
         since it was last started.\n\n\
         | process | since | memory, MiB | then | open files | then |\n|---|---|---|---|---|---|\n",
    );
    for growth in &growths {
        let ([first, last], [few, many]) = (growth.rss_kib.map(mebibytes), growth.files);
        let (name, since) = (&growth.life.name, growth.life.began.as_secs());
        let _ = writeln!(text, "| {name} | {since} s | {first} | {last} | {few} | {many} |");
    }
    text.push_str(
        "\n## Samples\n\nMemory in MiB / open files, at the end of a calm.\n\n| s | jobs | no answer |",
    );
    for replica in 0..REPLICAS {
        let _ = write!(text, " replica {replica} |");
    }
    text.push_str(" before it |\n|---|---|---|");
    text.push_str(&"---|".repeat(REPLICAS + 1));
    text.push('\n');
    rows(&mut text, setting.length / ROWS, watch);
    text
}

fn rows(text: &mut String, apart: Duration, watch: &Watch) {
    let mut after: Option<Duration> = None;
    for moment in &watch.moments {
        if after.is_some_and(|after| moment.at < after + apart) {
            continue;
        }
        row(text, watch, (after.unwrap_or_default(), moment));
        after = Some(moment.at);
    }
}

fn row(text: &mut String, watch: &Watch, (after, moment): (Duration, &Moment)) {
    let Moment { at, jobs, unanswered } = moment;
    let _ = write!(text, "| {} | {jobs} | {unanswered} |", at.as_secs());
    for replica in 0..REPLICAS {
        let name = format!("replica {replica}");
        let lives = watch.lives.iter().filter(|life| life.name == name);
        let used = lives.filter_map(|life| used(life, (after, *at))).next_back();
        let _ = write!(text, " {} |", used.unwrap_or_else(|| "–".to_owned()));
    }
    let storms = watch
        .storms
        .iter()
        .filter(|(when, _)| (after..*at).contains(when));
    let storms: Vec<&str> = storms.map(|(_, storm)| storm.as_str()).collect();
    let _ = writeln!(text, " {} |", storms.join("; "));
}

fn used(life: &Life, (after, until): (Duration, Duration)) -> Option<String> {
    let within = life
        .samples
        .iter()
        .filter(|sample| sample.is_quiet && sample.at > after && sample.at <= until);
    within.clone().next()?;
    let rss = mebibytes(median(within.clone().map(|sample| sample.rss_kib)));
    let files = median(within.map(|sample| sample.files));
    Some(format!("{rss} / {files}"))
}

fn mebibytes(kibibytes: u64) -> u64 {
    kibibytes.div_ceil(1024)
}

fn kernel() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("Linux {}", release.trim())
}
