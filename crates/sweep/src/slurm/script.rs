//! The scripts of jobs.

use std::fmt::Write;
use std::path::Path;

use runner_config::Slurm;

/// Options of a task that a collecting job, which computes nothing, does without.
const OF_TASKS: [&str; 5] = ["time", "mem", "gres", "constraint", "cpus-per-task"];

/// What a job prints that ends before it has become our program, and then its exit code.
pub const ENDED: &str = "error: this job ended before its program began, with exit code ";

/// What the scripts of a sweep have in common.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// The sweep directory.
    pub sweep: &'a Path,
    /// The program.
    pub program: &'a Path,
    /// What jobs ask for.
    pub slurm: &'a Slurm,
    /// The name of the job.
    pub name: &'a str,
    /// The folder of what jobs print.
    pub logs: &'a Path,
}

impl Job<'_> {
    /// An array of `count` tasks, which are lines of the file `tasks`.
    pub fn array(&self, count: usize, tasks: &str) -> String {
        let at_once = match self.slurm.max_parallel {
            Some(at_once) => format!("%{at_once}"),
            None => String::new(),
        };
        let mut text = self.head(|_| true);
        for option in [
            format!("--array=0-{}{at_once}", count - 1),
            "--requeue".to_owned(),
            "--open-mode=append".to_owned(),
            format!("--signal=B:USR1@{}", self.slurm.notice_s),
            format!(
                "--output={}",
                quoted(&self.logs.join("%A_%a.log").display().to_string())
            ),
        ] {
            let _ = writeln!(text, "#SBATCH {option}");
        }
        for option in &self.slurm.extra {
            let _ = writeln!(text, "#SBATCH {option}");
        }
        self.setup(&mut text);
        let _ = writeln!(
            text,
            "exec {} sweep-task {} --tasks {} --index \"$SLURM_ARRAY_TASK_ID\" --threads \"${{SLURM_CPUS_PER_TASK:-1}}\"",
            shell(self.program),
            shell(self.sweep),
            tasks
        );
        text
    }

    /// The job that comes after an array.
    pub fn collect(&self) -> String {
        let mut text = self.head(|name| !OF_TASKS.contains(&name));
        let output = self.logs.join("%j-collect.log").display().to_string();
        for option in [
            "--requeue",
            "--open-mode=append",
            &format!("--output={}", quoted(&output)),
        ] {
            let _ = writeln!(text, "#SBATCH {option}");
        }
        self.setup(&mut text);
        let _ = writeln!(
            text,
            "exec {} sweep-collect {}",
            shell(self.program),
            shell(self.sweep)
        );
        text
    }

    fn head(&self, takes: impl Fn(&str) -> bool) -> String {
        let mut text = format!("#!/bin/bash\n#SBATCH --job-name={}\n", quoted(self.name));
        for (name, value) in self.slurm.options.iter().filter(|(name, _)| takes(name)) {
            let _ = writeln!(text, "#SBATCH --{name}={}", quoted(value));
        }
        text
    }

    /// What a job does before it becomes our program; a line that fails ends it, and says so last of all.
    fn setup(&self, text: &mut String) {
        let _ = writeln!(text, "\ntrap 'echo \"{ENDED}$?\"' EXIT");
        if self.slurm.setup.is_empty() {
            return;
        }
        let _ = writeln!(text, "set -e");
        for line in &self.slurm.setup {
            let _ = writeln!(text, "{line}");
        }
        let _ = writeln!(text, "set +e");
    }
}

/// A value in a line that sbatch reads, which splits it at spaces.
fn quoted(value: &str) -> String {
    match value.contains(char::is_whitespace) {
        true => format!("\"{value}\""),
        false => value.to_owned(),
    }
}

/// A path as one word of a shell.
fn shell(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_says_what_is_asked_for_and_nothing_else() {
        let slurm = Slurm {
            options: vec![
                ("partition", "main".to_owned()),
                ("gres", "gpu:1".to_owned()),
            ],
            max_parallel: Some(4),
            notice_s: 90,
            max_requeues: 20,
            setup: vec!["module load cuda".to_owned()],
            extra: vec!["--exclusive".to_owned()],
        };
        let job = Job {
            sweep: Path::new("/home/me/it's"),
            program: Path::new("/opt/runner"),
            slurm: &slurm,
            name: "lr-20261128-101112-000",
            logs: Path::new("/home/me/my logs"),
        };
        let expected = "#!/bin/bash\n\
            #SBATCH --job-name=lr-20261128-101112-000\n\
            #SBATCH --partition=main\n\
            #SBATCH --gres=gpu:1\n\
            #SBATCH --array=0-5%4\n\
            #SBATCH --requeue\n\
            #SBATCH --open-mode=append\n\
            #SBATCH --signal=B:USR1@90\n\
            #SBATCH --output=\"/home/me/my logs/%A_%a.log\"\n\
            #SBATCH --exclusive\n\
            \n\
            trap 'echo \"error: this job ended before its program began, with exit code $?\"' EXIT\n\
            set -e\n\
            module load cuda\n\
            set +e\n\
            exec '/opt/runner' sweep-task '/home/me/it'\\''s' --tasks 000.tasks --index \"$SLURM_ARRAY_TASK_ID\" \
            --threads \"${SLURM_CPUS_PER_TASK:-1}\"\n";
        assert_eq!(job.array(6, "000.tasks"), expected);
        let collecting = job.collect();
        assert!(
            collecting.contains("--partition=main") && !collecting.contains("gres"),
            "{collecting}"
        );
    }
}
