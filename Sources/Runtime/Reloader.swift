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
        isReading = Self.onThread {
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

    mutating func finish() {
        isReading = false
    }

    private final class Job {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) {
            self.body = body
        }
    }

    private static func onThread(_ body: @escaping @Sendable () -> Void) -> Bool {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(Job(body)).toOpaque()
        let result = pthread_create(
            &thread,
            nil,
            { context in
                guard let context else { return nil }
                Unmanaged<Job>.fromOpaque(context).takeRetainedValue().body()
                return nil
            },
            context
        )
        guard result == 0 else {
            Unmanaged<Job>.fromOpaque(context).release()
            return false
        }
        pthread_detach(thread)
        return true
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
