//! The timer that starts a scheduled job.

use super::desired::DesiredUnit;
use super::marks::around;
use super::unit::parse_unit;
use crate::cluster::job::Schedule;
use crate::cluster::name::{ClusterName, ServiceName};

/// The timer's unit file. No template makes it: all that it says is when.
pub(super) fn unit(
    cluster: &ClusterName,
    service: &ServiceName,
    schedule: &Schedule,
) -> DesiredUnit {
    let Schedule {
        calendar,
        catch_up,
        timeout: _,
    } = schedule;
    let persistent = match catch_up {
        true => "# A run that was due while the host was off is made up for.\nPersistent=true\n",
        false => "",
    };
    let text = format!(
        "[Unit]\n\
         Description=When {service} of {cluster} runs\n\
         \n\
         [Timer]\n\
         OnCalendar={calendar}\n\
         # Just then, and not within the minute after it.\n\
         AccuracySec=1us\n\
         {persistent}\
         \n\
         [Install]\n\
         WantedBy=timers.target\n"
    );
    let what = format!("When {service} of cluster {cluster} runs");
    let text = around(cluster, service, &what, &text);
    DesiredUnit::new(text.as_str().into(), &parse_unit(&text))
}
