// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import FoundationEssentials
import Testing

@testable import culvertctl

@Suite("Docs/JSON.md and the program")
struct JSONPageTests {
    private static let page: String = {
        let root = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }
        return (try? String(contentsOfFile: root + "/Docs/JSON.md", encoding: .utf8)) ?? ""
    }()

    /// The keys of the tables in a part of the page.
    private func keys(under heading: String) -> [String] {
        Self.page.split(separator: "\n").drop { $0 != "## \(heading)" }.dropFirst().prefix { !$0.hasPrefix("## ") }
            .compactMap { line in
                guard line.hasPrefix("| `") else { return nil }
                return String(line.dropFirst(3).prefix { $0 != "`" })
            }
    }

    /// The properties of a value and of what is in it; `nil` where something is not set, so that nobody can see into it.
    private func paths(of value: Any, _ prefix: String = "") -> Set<String?> {
        var paths: Set<String?> = []
        for child in Mirror(reflecting: value).children {
            guard let label = child.label else { continue }
            let path = prefix + label
            paths.insert(path)
            paths.formUnion(inside(child.value, path))
        }
        return paths
    }

    private func inside(_ value: Any, _ path: String) -> Set<String?> {
        let mirror = Mirror(reflecting: value)
        switch mirror.displayStyle {
        case .optional:
            return mirror.children.first.map { inside($0.value, path) } ?? [nil]
        case .struct where !(value is String) && !(value is any Numeric) && !(value is Bool):
            return paths(of: value, path + ".")
        case .collection:
            return mirror.children.reduce(into: mirror.children.isEmpty ? [nil] : []) {
                $0.formUnion(paths(of: $1.value, path + "[]."))
            }
        case .dictionary:
            return [path + ".NAME"]
        default:
            return []
        }
    }

    @Test
    func `Every key of a call is on the page, and no other`() {
        let listed = keys(under: "A call")
        #expect(listed.count == Set(listed).count)
        #expect(Set(listed.map(Optional.some)) == paths(of: Samples.call))
    }

    @Test
    func `Every key of the status is on the page, and no other`() {
        let listed = keys(under: "`status`")
        #expect(listed.count == Set(listed).count)
        #expect(Set(listed.map(Optional.some)) == paths(of: Samples.status))
    }

    @Test
    func `A key that is not on the page is noticed`() {
        struct More {
            var inner = 1
        }
        #expect(paths(of: (call: Samples.beginning, more: More())).contains("more.inner"))
        #expect(paths(of: Samples.beginning).contains(nil))
    }

    @Test
    func `A call as JSON has the keys that the page says are never absent`() throws {
        let text = try JSON.text(of: Samples.beginning)
        for key in ["trace", "state", "ageSeconds", "ike", "esp", "local", "peer", "profile", "peerBehindNAT"] {
            #expect(text.contains("\"\(key)\" : "), "\(key)")
        }
    }

    /// What the daemon writes by hand, beside what `Encodable` makes of it.
    @Test
    func `The document of many calls is what Foundation would write`() throws {
        var hostile = Samples.call
        hostile.trace = "00c0ffee99999999"
        hostile.user = (0..<0x30).map { String(Unicode.Scalar(UInt8($0))) }.joined() + #""\/"# + "\u{7F}\u{2028}é😀"
        hostile.ageSeconds = 0.1 + 0.2
        hostile.traffic?.receivedBytes = .max
        hostile.esp = []
        let calls = [Samples.call, Samples.beginning, hostile]
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let expected = try encoder.encode(SessionList(sessions: [Samples.beginning, Samples.call, hostile]))
        #expect(
            String(decoding: CallSnapshot.document(of: calls), as: UTF8.self)
                == String(decoding: expected, as: UTF8.self)
        )
        #expect(String(decoding: CallSnapshot.document(of: []), as: UTF8.self) == #"{"sessions":[]}"#)
    }
}
