// SPDX-License-Identifier: Apache-2.0
package import ConfigFile
internal import Glibc
package import Primitives

extension EventSink {
    /// All that an operator says of the log: one value, so that another can take its place while the daemon runs.
    package struct Settings: Hashable, Sendable {
        package var log: LogSettings
        /// The name of the gateway, for security events.
        package var gateway: String
        /// The environment variable `JOURNAL_STREAM`: what systemd says standard error is.
        package var journalStream: String?
        package var journalPath = JournalSocket.defaultPath

        package init(_ log: LogSettings, gateway: String) {
            self.log = log
            self.gateway = gateway
            journalStream = getenv("JOURNAL_STREAM").map { String(cString: $0) }
        }

        /// Whether standard error is the journal, and lines are for people.
        fileprivate var journalIsBetter: Bool {
            log.format == .text && JournalSocket.isJournal(STDERR_FILENO, stream: journalStream)
        }
    }

    /// Opens what the settings name, and writes as they say from now on. What was counted and held back stays. If
    /// something cannot be opened everything is as before.
    ///
    /// At the start it is to be called before privileges are dropped. Later it opens as who the daemon has become.
    ///
    /// - Parameter owner: Who the daemon will be; `nil` if it is that already.
    package mutating func apply(
        _ settings: Settings,
        owner: ProcessUser? = nil,
        at now: MonotonicTime = .current()
    ) throws(StartProblem) {
        let output = try self.output(settings)
        var security: SecurityLog?
        let keepsSecurity = keepsSecurity(under: settings, beside: output)
        if keepsSecurity {
            security = self.security
        } else if let wanted = settings.log.security {
            var own: LogOutput?
            switch wanted.to {
            case .stderr: own = output.isJournal ? LogOutput() : nil
            case .journald: own = try Self.journal(settings)
            case .file(let path):
                own = self.security?.output?.file?.path == path ? self.security?.output : try Self.file(path, owner)
            }
            security = SecurityLog(wanted, gateway: settings.gateway, output: own)
        }
        var privacy: Privacy?
        if let wanted = settings.log.privacy {
            privacy = self.privacy?.settings == wanted ? self.privacy : try Privacy(wanted, owner: owner)
        }
        if !keepsSecurity { tellHeld(at: now, ends: true) }
        self.output = output
        self.security = security
        self.privacy = privacy
        format = LogFormat(rawValue: settings.log.format.rawValue) ?? .text
        level = settings.log.level
        // At the start no thread of root's may stay behind, and packets wait for a reload anyway.
        forget(at: now, waits: true)
    }

    /// Whether the security log there is will do. On standard error it shares the log's descriptor, unless the log has
    /// gone to the journal: there its lines would be entries that nobody can read.
    ///
    /// - Parameter output: Where the log goes from now on.
    private func keepsSecurity(under settings: Settings, beside output: LogOutput) -> Bool {
        guard let security, settings.log.security == security.settings, settings.gateway == security.gateway else {
            return false
        }
        return security.settings.to != .stderr || (security.output != nil) == output.isJournal
    }

    /// The one there is, if it will do: it has a count of what was lost.
    private func output(_ settings: Settings) throws(StartProblem) -> LogOutput {
        switch settings.log.to {
        case .journald: return output.isJournal ? output : try Self.journal(settings)
        case .auto where settings.journalIsBetter:
            // Without a journald, what systemd connected will do.
            return output.isJournal ? output : (try? Self.journal(settings)) ?? output
        case .stderr, .auto: return output.isJournal ? LogOutput() : output
        }
    }

    private static func journal(_ settings: Settings) throws(StartProblem) -> LogOutput {
        do throws(SystemError) {
            return LogOutput(try JournalSocket(path: settings.journalPath))
        } catch {
            throw StartProblem(
                "journald does not listen at \(settings.journalPath): \(error)",
                remedy: "set log.to to stderr where there is no systemd"
            )
        }
    }

    private static func file(_ path: String, _ owner: ProcessUser?) throws(StartProblem) -> LogOutput {
        do throws(SystemError) {
            return LogOutput(try AppendedFile(path: path, owner: owner))
        } catch {
            throw StartProblem(
                "security events cannot be written to \(path): \(error)",
                remedy: "make its folder one that culvertd's user may write in; it must be a file and no link"
            )
        }
    }
}
