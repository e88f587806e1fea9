// SPDX-License-Identifier: Apache-2.0
import Cryptography
import Primitives

/// One thing that bytes from the fuzzer are fed to. It traps if something is wrong.
protocol FuzzTarget {
    static var name: String { get }
    static func run(_ script: Script)
    /// Inputs to begin with, by file name: what well-behaved peers say.
    static func seeds() -> [(name: String, bytes: [UInt8])]
}

let allTargets: [any FuzzTarget.Type] = [
    ISAKMP.self, DecryptedISAKMP.self, NATTraversalDemultiplexing.self,
    L2TPControl.self, L2TPHidden.self, PPPControl.self, PPPAuthentication.self,
    ConfigurationText.self, Conversation.self,
]

/// The fuzzer's bytes, read as orders. At the end there are only zeros.
struct Script {
    private var bytes: ArraySlice<UInt8>
    /// However long the input is, no more orders than this are taken.
    private var ordersLeft = 48

    init(_ bytes: [UInt8]) {
        self.bytes = bytes[...]
    }

    mutating func byte() -> UInt8 { bytes.popFirst() ?? 0 }

    /// The next order; `nil` at the end.
    mutating func order() -> UInt8? {
        guard ordersLeft > 0, let order = bytes.popFirst() else { return nil }
        ordersLeft -= 1
        return order
    }

    /// Two bytes of length, and so many bytes, or what there is.
    mutating func chunk() -> [UInt8] {
        let count = Int(byte()) << 8 | Int(byte())
        defer { bytes = bytes.dropFirst(count) }
        return Array(bytes.prefix(count))
    }

    mutating func rest() -> [UInt8] {
        defer { bytes = [] }
        return Array(bytes)
    }
}

/// The other way round.
struct ScriptWriter {
    private(set) var bytes: [UInt8] = []

    mutating func byte(_ byte: Int) { bytes.append(UInt8(truncatingIfNeeded: byte)) }

    mutating func chunk(_ chunk: [UInt8]) {
        byte(chunk.count >> 8)
        byte(chunk.count)
        bytes += chunk
    }
}

/// Begins anew for every input, so that the same input does the same.
final class RepeatableEntropy: EntropySource, @unchecked Sendable {
    private var source = SeededEntropy(seed: 0)

    func restart(_ seed: UInt64 = 1) { source = SeededEntropy(seed: seed) }

    func bytes(_ count: Int) -> [UInt8] { source.bytes(count) }
}

/// How many packets this process has fed in; printed at the end.
enum Tally {
    nonisolated(unsafe) static var packets = 0
}

func check(_ condition: Bool, _ message: @autoclosure () -> String) {
    if !condition { fatalError(message()) }
}

/// What every target knows.
enum World {
    static let start = MonotonicTime(nanoseconds: 1_000_000_000)
    static let gateway = address("203.0.113.1")
    static let client = address("203.0.113.11")

    static func address(_ text: String) -> IPAddress {
        guard let address = IPAddress(text) else { fatalError(text) }
        return address
    }

    /// Lets time pass until nothing is left to wait for, or for a day; says if there is no end to it.
    static func drain(
        _ now: inout MonotonicTime,
        next: () -> MonotonicTime?,
        advance: (MonotonicTime) -> Void
    ) {
        let end = now.advanced(by: .seconds(2 * 86_400))
        var turns = 0
        while let deadline = next(), deadline <= end {
            now = max(now, deadline)
            advance(now)
            turns += 1
            check(turns < 20_000, "deadlines without end")
        }
    }
}
