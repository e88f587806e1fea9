// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Glibc
import Runtime

struct Events: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Follow what happens, as it happens.",
        discussion: """
            Kinds: \(EventKind.allCases.map(\.rawValue).joined(separator: ", ")). Docs/API.md has what belongs to each.
            It goes on until it is interrupted, or until culvertd ends: then the exit code is 1.
            """
    )

    @OptionGroup var options: CommonOptions

    @Option(help: "Only these kinds, with commas between them.")
    var kind: String?

    @Option(help: "Only what concerns this user.")
    var user: String?

    @Option(help: "Only what concerns this outer address.")
    var peer: String?

    @Option(help: "Only what concerns this call.")
    var trace: String?

    func validate() throws {
        for name in kind?.split(separator: ",", omittingEmptySubsequences: false) ?? [] {
            guard EventKind(rawValue: String(name)) != nil else {
                let kinds = EventKind.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("There is no kind \(String(name).visible): kinds are \(kinds).")
            }
        }
        if let trace, !trace.isTraceID { throw ValidationError("A trace id has sixteen hexadecimal digits.") }
    }

    var resource: String {
        let parameters = [("kind", kind), ("user", user), ("peer", peer), ("trace", trace)]
        let query = parameters.compactMap { name, value in value.map { "\(name)=\($0.percentEncoded)" } }
        return "/v1/events" + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
    }

    func run() throws {
        let isJSON = options.json
        try options.client.follow(resource) { bytes in
            guard let line: EventLine = JSON.value(from: bytes) else { return }
            guard line.kind != "heartbeat" else {
                // Nothing to write: a reader that is gone would not be noticed before the next event.
                if Self.isReaderGone { Glibc.exit(0) }
                return
            }
            Main.write(Self.text(of: line, bytes, isJSON: isJSON), to: STDOUT_FILENO)
        }
    }

    /// - Parameter bytes: The line as it came.
    static func text(of line: EventLine, _ bytes: [UInt8], isJSON: Bool) -> String {
        isJSON ? JSON.line(bytes) : render(line) + "\n"
    }

    private static var isReaderGone: Bool {
        var output = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
        return poll(&output, 1, 0) == 1 && output.revents & Int16(POLLERR | POLLHUP) != 0
    }
}

/// One line, whatever is in it.
func render(_ line: EventLine) -> String {
    if line.kind == "lost" {
        return "\(line.time) lost: \(line.count ?? 0) events found no room, this reader did not keep up".visible
    }
    var text = "\(line.time) \(line.kind) \(line.event ?? "")"
    if let trace = line.trace { text += " trace=\(trace)" }
    if let peer = line.peer { text += " peer=\(peer)" }
    if let user = line.user { text += " user=\(user)" }
    text += ": \(line.message ?? "")"
    if let remedy = line.remedy { text += "; remedy: \(remedy)" }
    return text.visible
}

extension String {
    /// For a value in a query.
    ///
    /// - SeeAlso: RFC 3986 §2.3
    var percentEncoded: String {
        var text = ""
        for byte in utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"), UInt8(ascii: ","), UInt8(ascii: ":"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            case _:
                text += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return text
    }
}
