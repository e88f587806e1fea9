// SPDX-License-Identifier: Apache-2.0
package import ControlPlane
package import DataPlane
package import Primitives

/// What the control socket asks of a shard.
package enum ControlRequest: Hashable, Sendable {
    case status
    /// Half-open ones are peers that have not proved who they are.
    case sessions(includesHalfOpen: Bool)
    case session(TraceID)
    /// What ``terminate(_:by:)`` would end.
    case matching(CallSelector)
    /// The data plane's own packet filter.
    case rules
    case terminate(CallSelector, by: Requester?)
    /// What is kept of calls and of attempts at calls.
    case traces
    case explain(TraceSelector)
    case impair(ImpairOrder, by: Requester?)
    case reload(ReloadOrder, by: Requester?)
    case metrics
    /// Metrics with the newest calls and the last hour.
    case page
}

/// What is to go wrong from now on.
package enum ImpairOrder: Hashable, Sendable {
    case list
    case clear
    case add(Impairment)
    /// Once, now: as if the kernel had dropped notices.
    case loseNotices
    /// These stand still, and no others.
    case stopTimers(Set<ControlPlane.TimedLayer>)
}

/// The process at the other end of the control socket, as the kernel knows it.
package struct Requester: Hashable, Sendable {
    package var user: UInt32
    package var process: Int32

    package init(user: UInt32, process: Int32) {
        self.user = user
        self.process = process
    }
}

/// What a shard answers.
package enum ControlReply: Hashable, Sendable {
    case status(StatusSnapshot)
    case sessions([CallSnapshot])
    case rules(RuleSet)
    /// How many calls were told to end.
    case terminated(Int)
    case impairments([Impairments.Entry])
    /// As they are: the words are made by whoever writes the answer, not on the thread that serves peers.
    case traces([Trace], at: MonotonicTime)
    /// `nil` if nothing is kept.
    case explanation(Explanation?)
    case reload(ReloadReport)
    case metrics(MetricsSnapshot)
    case page(PageSnapshot)
    case refused(ControlRefusal)
}
