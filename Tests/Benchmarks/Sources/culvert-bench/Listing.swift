// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import FoundationEssentials
import Primitives

/// What a list of all calls costs, part by part: the thread that serves packets, the thread that writes JSON, and
/// culvertctl. In CPU seconds, which on a machine with nothing else to do are the time that passes.
struct Listing {
    let gateway: ControlPlane
    let now: MonotonicTime
    /// As ``Runtime/Listings`` has them.
    static let slice = 30

    func measure() {
        var listing = gateway.listing(.all, includesHalfOpen: false)
        var (longest, total, turns) = (0.0, 0.0, 0)
        let begun = Meter.time { listing = gateway.listing(.all, includesHalfOpen: false) }
        // In the daemon these grow while packets are served.
        while !listing.isComplete {
            let seconds = Meter.time { gateway.advance(&listing, by: Self.slice, at: now) }
            longest = max(longest, seconds)
            total += seconds
            turns += 1
        }
        let count = listing.calls.count
        print("list of \(count) calls, in order of what happens:")
        line("packets wait at the beginning", begun)
        line("packets wait in a turn, at most", longest)
        line("the thread that serves packets, \(turns) turns together", begun + total)

        let calls = listing.calls
        var document: [UInt8] = []
        line("JSON", Meter.time { document = CallSnapshot.document(of: calls) })
        print("    \(document.count) bytes")
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var encoded = 0
        line("the same with JSONEncoder", Meter.time { encoded = (try? encoder.encode(calls).count) ?? 0 })
        precondition(encoded > 0 && encoded < document.count)

        var list: SessionList?
        line("culvertctl reads it", Meter.time { list = JSON.value(from: document) })
        var text = ""
        let layout = SessionsLayout(columns: SessionColumn.allCases, width: nil)
        line("and makes the usual table", Meter.time { text = render(list?.sessions ?? []) })
        line("or one with every column", Meter.time { text = render(list?.sessions ?? [], layout) })
        precondition(text.count { $0 == "\n" } >= count)
        line("or prints JSON", Meter.time { text = JSON.text(CallSnapshot.document(of: list?.sessions ?? [])) })
        line("status", Meter.time { precondition(gateway.status(at: now).callCount > 0) })
    }

    private func line(_ name: String, _ seconds: Double) {
        print("    \(name): \((seconds * 100_000).rounded() / 100) ms")
    }
}
