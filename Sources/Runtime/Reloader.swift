// SPDX-License-Identifier: Apache-2.0
package import ConfigFile
internal import ControlPlane
internal import Glibc
internal import Primitives

/// How a daemon reads its configuration again, and what of it is in force.
package struct Reloader: Sendable {
    /// In force; what needs a restart is as it was at the start.
    package internal(set) var settings: Settings
    /// What settings say of the log, and the command line instead.
    let log: @Sendable (Settings) -> LogSettings
    /// Runs on a thread of its own: long files must not keep packets waiting.
    private let read: @Sendable () -> ConfigFile.Outcome
    /// A second one has to wait.
    private(set) var isReading = false
    /// Somebody has sent a signal meanwhile, and nobody could tell him that it was too early.
    private var isWantedAgain = false

    package init(
        _ settings: Settings,
        file: String,
        log: @escaping @Sendable (Settings) -> LogSettings = { $0.log }
    ) {
        self.init(settings, log: log) { SettingsFile.read(file) }
    }

    package init(
        _ settings: Settings,
        log: @escaping @Sendable (Settings) -> LogSettings = { $0.log },
        read: @escaping @Sendable () -> ConfigFile.Outcome
    ) {
        self.settings = settings
        self.log = log
        self.read = read
    }

    /// Reads and compares on another thread, and posts what came of it.
    ///
    /// - Returns: Whether there is such a thread.
    mutating func begin(
        _ order: ReloadOrder,
        by requester: Requester?,
        for mailbox: Mailbox<ShardMessage>,
        _ reply: @escaping @Sendable (ControlReply) -> Void
    ) -> Bool {
        let (read, settings) = (read, settings)
        isWantedAgain = false
        isReading = DetachedThread.run {
            let outcome = read()
            let found = ConfigurationRead(
                order: order,
                requester: requester,
                outcome: outcome,
                plan: outcome.settings.map { ReloadPlan(from: settings, to: $0) },
                reply: reply
            )
            // A full box has its reason, and empties.
            while !mailbox.post(.configurationRead(found)) { usleep(10_000) }
        }
        return isReading
    }

    /// - Returns: Whether another reading has to follow: what this one read may be older than the signal.
    mutating func finish() -> Bool {
        isReading = false
        return isWantedAgain
    }

    /// The files are read once more when this reading is over.
    mutating func wantAgain() {
        isWantedAgain = true
    }
}

/// What a thread of its own has found.
package struct ConfigurationRead: Sendable {
    var order: ReloadOrder
    /// `nil` for SIGHUP.
    var requester: Requester?
    var outcome: ConfigFile.Outcome
    /// `nil` if the files have mistakes.
    var plan: ReloadPlan?
    var reply: @Sendable (ControlReply) -> Void
}
