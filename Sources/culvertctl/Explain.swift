// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import ControlPlane

struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tell a call from its beginning; of one that failed, why and what mends it.",
        discussion: "Without ID, --last or --peer: a list of what is kept, newest first."
    )

    @OptionGroup var options: CommonOptions

    @Argument(help: "The trace id, as logs and sessions have it.")
    var id: String?

    @Flag(help: "The call that ended or failed last.")
    var last = false

    @Option(help: "The newest from this outer address.")
    var peer: String?

    func validate() throws {
        guard (id == nil ? 0 : 1) + (last ? 1 : 0) + (peer == nil ? 0 : 1) <= 1 else {
            throw ValidationError("Choose by one of ID, --last and --peer, or by none for the list.")
        }
        if let id, !id.isTraceID { throw ValidationError("A trace id has sixteen hexadecimal digits.") }
        // The daemon knows what an address is; here it only must not be anything else of a request.
        let isAddress = peer?.utf8.allSatisfy { Array("0123456789abcdefABCDEF.:".utf8).contains($0) } ?? true
        guard isAddress, peer != "" else { throw ValidationError("--peer takes an IP address.") }
    }

    /// `nil` for the list.
    var resource: String? {
        if let id { return "/v1/traces/\(id.lowercased())" }
        if let peer { return "/v1/traces?peer=\(peer)" }
        return last ? "/v1/traces?last" : nil
    }

    func run() throws {
        if let resource {
            let trace: TraceSnapshot = try options.client.get(resource)
            try options.print(trace, render)
        } else {
            let list: TraceList = try options.client.get("/v1/traces")
            try options.print(list) { render($0.traces) }
        }
    }
}

/// `GET /v1/traces`.
struct TraceList: Codable, Hashable {
    var traces: [TraceSummary]
}
