// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import FoundationEssentials

/// An answer on the control socket: a status of HTTP and a JSON document.
package struct ControlResponse: Hashable, Sendable {
    package var status: Int
    package var body: [UInt8]
    /// For the header `Allow`; empty leaves it out.
    package var allowed: [String] = []
    package var mediaType = "application/json"

    private struct Traces: Encodable {
        var traces: [TraceSummary]
    }

    private struct Terminated: Encodable {
        var terminated: Int
    }

    private struct ImpairmentList: Encodable {
        struct Entry: Encodable {
            var number: Int
            var impairment: String
            var matched: UInt64
            var struck: UInt64
        }
        var impairments: [Entry]
    }

    private struct Failure: Encodable {
        struct Reason: Encodable {
            var message: String
            var remedy: String?
        }
        var error: Reason
    }

    private init(_ status: Int, _ document: some Encodable) {
        self.status = status
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Snapshots hold text, numbers and truth values; only a number that is none could fail.
        body = (try? encoder.encode(document)).map { Array($0) } ?? Array(#"{"error":{"message":"not JSON"}}"#.utf8)
    }

    /// One that is written already.
    private init(document: [UInt8]) {
        status = 200
        body = document
    }

    private init(page: String, _ mediaType: String) {
        status = 200
        body = Array(page.utf8)
        self.mediaType = mediaType
    }

    package init(_ refusal: ControlRefusal) {
        self.init(
            refusal.status,
            Failure(error: Failure.Reason(message: refusal.message, remedy: refusal.remedy))
        )
        allowed = refusal.allowed
    }

    /// To OPTIONS.
    init(allowing methods: [String]) {
        status = 204
        body = []
        allowed = methods
    }

    /// What `route` shows of a reply. A session by its trace is one object: that of the first session,
    /// should several calls share the trace.
    package init(_ reply: ControlReply, on route: ControlRoute) {
        switch (reply, route) {
        case (.status(let snapshot), _):
            self.init(200, snapshot)
        case (.refused(let refusal), _):
            self.init(refusal)
        case (.impairments(let entries), _):
            self.init(
                200,
                ImpairmentList(
                    impairments: entries.map {
                        ImpairmentList.Entry(
                            number: $0.number,
                            impairment: $0.impairment.description,
                            matched: $0.matched,
                            struck: $0.struck
                        )
                    }
                )
            )
        case (.traces(let traces, let now), _):
            let newestFirst = traces.sorted { $0.lastAt > $1.lastAt }
            self.init(200, Traces(traces: newestFirst.map { $0.summary(at: now) }))
        case (.explanation(let explanation?), _):
            self.init(200, explanation.snapshot)
        case (.explanation(nil), _):
            self.init(
                ControlRefusal(
                    404,
                    "nothing is kept of such a call",
                    remedy: "culvertctl explain lists what is kept; limits.traces and limits.failed-traces keep more"
                )
            )
        case (.reload(let report), _):
            self.init(report.outcome == .refused ? 422 : 200, report)
        case (.metrics(let snapshot), _):
            self.init(page: snapshot.exposition(process: ProcessProbe.shared.figures()), Exposition.mediaType)
        case (.page, _):
            self.init(ControlRefusal(404, "the page is not served here", remedy: "metrics.page serves it"))
        case (.rules(let set), _):
            self.init(200, set)
        case (.terminated(let count), _):
            self.init(200, Terminated(terminated: count))
        case (.sessions(let calls), .session):
            if let call = calls.min(by: { $0.precedes($1) }) {
                self.init(200, call)
            } else {
                self.init(ControlRefusal(404, "no call has this trace", remedy: "culvertctl sessions lists them"))
            }
        case (.sessions(let calls), _):
            self.init(document: CallSnapshot.document(of: calls))
        }
    }
}
