//! The command line.

use crate::commands::{
    chart, deferral, delay, demo, dev_certs, eval, kpi, ledger, operate, replay, rules, score, serve,
    simulate, stop, takeover, token, watch,
};
use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Supervises autonomous agents: scores what they decide, asks a person to take over, records everything.
///
/// Start with `watchkeeper demo`. Log lines go to standard error; RUST_LOG chooses them
/// (default: watchkeeper=info).
#[derive(Debug, Parser)]
#[command(name = "watchkeeper", version, max_term_width = 100, propagate_version = true)]
#[command(after_help = "Examples:
  watchkeeper demo                                   the whole loop in this terminal
  watchkeeper serve                                  the monitor, on ws://127.0.0.1:7410/v1
  watchkeeper replay machine.csv --agent press-1     a recorded series as an agent
  watchkeeper score machine.csv -o scores.csv        how odd each row of a series is
  watchkeeper watch --as anna                        the text console
  watchkeeper stop vehicle-4 --reason 'on fire'      ESTOP, now")]
pub(crate) struct Arguments {
    /// Appends log lines to this file instead
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) log_file: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the monitor until SIGTERM or Ctrl-C
    Serve(serve::ServeArguments),
    /// Makes certificates that last for 7 days, to try TLS with
    DevCerts(dev_certs::DevCertsArguments),
    /// Plays the whole loop: monitor, simulated vehicles, and a console or a scripted operator
    Demo(demo::DemoArguments),
    /// Connects simulated vehicles, one of which develops a fault
    Simulate(simulate::SimulateArguments),
    /// Makes an agent of a CSV time series
    Replay(replay::ReplayArguments),
    /// Opens the text console
    Watch(watch::WatchArguments),
    /// The console for scripts: JSON lines in, JSON lines out
    Operate(operate::OperateArguments),
    /// Stops one agent at once (ESTOP) and waits until it stands
    Stop(stop::StopArguments),
    /// Shows takeovers from the record, stage by stage
    Takeover(takeover::TakeoverArguments),
    /// Says how the alarms of a recorded shift performed: rates, floods, nuisances, time to acknowledge
    Kpi(kpi::KpiArguments),
    /// Says how sure an agent has to be to decide alone, with a guarantee, from judged decisions
    Deferral(deferral::DeferralArguments),
    /// Checks rules that people write, tries them on what happened, and puts them in force
    Rules(rules::RulesArguments),
    /// Scores every row of a CSV of your own: how odd it is, whether it alerts, and because of what
    Score(score::ScoreArguments),
    /// Says what a budget of false alerts costs in delay, by faults that it plants into copies of your own CSV
    Delay(delay::DelayArguments),
    /// Draws scores, alerts and labelled windows over the signals
    Chart(chart::ChartArguments),
    /// Scores detectors on labelled data, beside what is published of others
    Eval(eval::EvalArguments),
    /// Makes keys, issues tokens, and takes them back
    Token(token::TokenArguments),
    /// Checks, prints or replays the record
    Ledger(ledger::LedgerArguments),
}

#[cfg(test)]
mod tests {
    use super::Arguments;
    use clap::{CommandFactory, Parser};

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_of_the_readme_is_understood() {
        for line in [
            "serve --data D --listen 127.0.0.1:0 --config F.toml --head-file H --ready-file R",
            "serve --listen 0.0.0.0:7410 --tls-cert C --tls-key K --client-ca A --deny-serials S --allow-host H --allow-origin https://O",
            "dev-certs DIR --agent press-1 --agent press-2 --host monitor.example",
            "replay FILE.csv --agent press-1 --url wss://H:1/v1 --ca-file A --cert-file C --key-file K",
            "demo --headless --seconds 60 --data D",
            "demo --window CONSOLE --map M.toml --seconds 5",
            "simulate ring-calm --seed 7 --seconds 5 --state-dir S",
            "simulate --list",
            "replay FILE.csv --agent press-1 --speed 100000 --kind generic",
            "watch --as anna --role supervisor",
            "operate --as anna --strict",
            "stop vehicle-4 --reason fire --as anna",
            "takeover list --data D",
            "takeover show 100000001 --data D",
            "kpi --data D --shift 06:00,14:00 --shift 22:00 --utc-offset -03:30 --from 2026-03-01T00:00:00Z --json",
            "serve --keys K",
            "token keys K --create --deployment yard",
            "token issue K --person anna --role supervisor --scope truck-* --scope lab-1 -o F --keep-fresh",
            "token issue K --agent truck-7",
            "token revoke K --person anna",
            "deferral FILE.csv --risk 0.01 --delta 0.05 --horizon 5000",
            "rules check R.toml",
            "rules backtest R.toml --data D --against OLD.toml --from 2026-03-01T00:00:00Z --json",
            "rules shadow R.toml --data D --seconds 60",
            "rules activate R.toml --for IN-FORCE.toml --reason wet --as anna",
            "rules rollback R.toml --to 3fa9 --reason dry",
            "rules list R.toml",
            "eval nab --data D",
            "eval cifar10h --data D --seed 2",
            "score FILE.csv --calibrate 400 --budget 0.5/1000rows --ignore id --keep target -o scores.csv --chart scores.svg",
            "delay FILE.csv --calibrate 400 --budget 1/day --budget 1/1000rows --ignore id --keep target",
            "chart scores.csv --series FILE.csv --windows windows.json -o scores.svg",
            "eval cards --data D",
            "eval clean FOLDER --budget 2000",
            "ledger verify --data D --head H --head I",
            "ledger show --data D --type takeover --from 5 --json",
            "ledger replay --data D",
        ] {
            let words = std::iter::once("watchkeeper").chain(line.split_whitespace());
            Arguments::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }
}
