// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import DataPlane
import Primitives
import Synchronization
import Testing

@testable import Runtime

/// Lists in slices, seen without a loop around them.
struct ListingsTests {
    private let now = MonotonicTime(nanoseconds: 0)
    private let counters = TrafficCounters(receivedPackets: 1, receivedBytes: 2, sentPackets: 3, sentBytes: 4)

    private final class Replies: Sendable {
        private let replies = Mutex<[ControlReply]>([])
        var all: [ControlReply] { replies.withLock { $0 } }
        var reply: @Sendable (ControlReply) -> Void { { reply in self.replies.withLock { $0.append(reply) } } }
    }

    private func machine(_ count: Int) -> ScriptedMachine {
        ScriptedMachine(
            snapshots: (0..<count).map {
                .example(trace: "0123456789abcdef", interface: "ppp\($0)", session: UInt16($0))
            }
        )
    }

    /// The request that one slice ends in.
    private func ask(
        _ listings: inout Listings,
        _ machine: ScriptedMachine
    ) throws -> (DataPlaneRequest, DataPlaneTicket) {
        let request = listings.work(on: machine, at: now)
        return try #require(request)
    }

    private func sessions(_ count: Int) -> [KernelSessionID: TrafficCounters] {
        var counted = counters
        counted.idleSeconds = 1
        return Dictionary(
            uniqueKeysWithValues: (0..<count).map { (KernelSessionID(tunnel: 7, session: UInt32($0)), counted) }
        )
    }

    @Test func countersAndIdleTimeAreFilledInInSlices() throws {
        var listings = Listings()
        let replies = Replies()
        let count = Listings.completingSlice * 2 + 1
        listings.begin(.all, includesHalfOpen: false, replies.reply)
        #expect(listings.hasWork)
        let (request, ticket) = try ask(&listings, machine(count))
        guard case .readCounters(let ids) = request else {
            Issue.record("\(request)")
            return
        }
        #expect(ids.count == count && Listings.owns(ticket))
        #expect(!listings.hasWork)
        listings.finish(ticket, .counters(sessions(count)))
        for _ in 0..<3 {
            #expect(replies.all.isEmpty && listings.hasWork)
            #expect(listings.work(on: machine(0), at: now) == nil)
        }
        #expect(!listings.hasWork)
        guard case .sessions(let calls)? = replies.all.first else {
            Issue.record("no list")
            return
        }
        #expect(calls.count == count)
        #expect(calls.allSatisfy { $0.traffic?.sentBytes == 4 && $0.idleSeconds == 1 })
    }

    /// Seen on a fresh interface: 198 days, the value that the kernel's clock begins with.
    @Test func noCallIsIdleForLongerThanItIsThere() throws {
        var listings = Listings()
        let replies = Replies()
        listings.begin(.all, includesHalfOpen: false, replies.reply)
        let (_, ticket) = try ask(&listings, machine(1))
        var counted = counters
        counted.idleSeconds = 17_179_869
        listings.finish(ticket, .counters([KernelSessionID(tunnel: 7, session: 0): counted]))
        _ = listings.work(on: machine(0), at: now)
        guard case .sessions(let calls)? = replies.all.first, let call = calls.first else {
            Issue.record("no list")
            return
        }
        #expect(call.idleSeconds == call.ageSeconds.rounded(.down))
    }

    @Test func aKernelThatRefusesLeavesTheCountersOut() throws {
        var listings = Listings()
        let replies = Replies()
        listings.begin(.all, includesHalfOpen: false, replies.reply)
        let (_, ticket) = try ask(&listings, machine(2))
        listings.finish(ticket, .failed(DataPlaneError(step: "RTM_GETSTATS", code: 12)))
        #expect(replies.all == [.sessions(machine(2).snapshots)])
        listings.finish(ticket, .counters(sessions(2)))
        #expect(replies.all.count == 1)
    }

    @Test func whoAsksTheSameBeforeItBeginsGetsTheSame() throws {
        var listings = Listings()
        let (one, other, later) = (Replies(), Replies(), Replies())
        listings.begin(.all, includesHalfOpen: false, one.reply)
        listings.begin(.all, includesHalfOpen: false, other.reply)
        listings.begin(.user("bob"), includesHalfOpen: false, later.reply)
        let (_, ticket) = try ask(&listings, machine(1))
        #expect(listings.work(on: machine(1), at: now) == nil)
        #expect(later.all == [.sessions([])])
        listings.finish(ticket, .counters([:]))
        while listings.hasWork { _ = listings.work(on: machine(1), at: now) }
        #expect(one.all == [.sessions(machine(1).snapshots)] && other.all == one.all)
    }

    @Test func moreListsThanConnectionsAreRefused() {
        var listings = Listings()
        let replies = Replies()
        for number in 0..<100 { listings.begin(.user("\(number)"), includesHalfOpen: false, replies.reply) }
        #expect(replies.all == Array(repeating: .refused(.busy), count: 36))
        var turns = 0
        while listings.hasWork, turns < 1000 {
            _ = listings.work(on: machine(0), at: now)
            turns += 1
        }
        #expect(replies.all.count == 100)
    }

    @Test(arguments: [
        ("", ControlRoute.sessions(includesHalfOpen: false)), ("?all", .sessions(includesHalfOpen: true)),
        ("?user=alice", .matching(.user("alice"))), ("?user=a%20b%2F%C3%A9", .matching(.user("a b/é"))),
        ("?user=", .matching(.user(""))), ("?user=a=b", .matching(.user("a=b"))),
        ("?peer=192.0.2.1", .matching(.peer(.v4(0xC000_0201)))),
        ("?peer=192.0.2.0%2F24", .matching(.peers(IPPrefix(.v4(0xC000_0200), length: 24)!))),
        ("?peer=192.0.2.0/24", .matching(.peers(IPPrefix(.v4(0xC000_0200), length: 24)!))),
        ("?address=10.0.0.1", .matching(.innerAddress(.v4(0x0A00_0001)))),
        ("?interface=cv0", .matching(.interface("cv0"))),
        ("?trace=00000000000000aA", .matching(.trace(TraceID(rawValue: 0xAA)))),
    ])
    func listsAreChosenAsCallsToEndAre(_ query: String, _ route: ControlRoute) throws {
        #expect(try ControlRoute(method: "GET", path: "/v1/sessions" + query) == route)
    }

    @Test(arguments: [
        "?usr=alice", "?user=%", "?user=%4", "?user=%zz", "?user=%FF", "?peer=x", "?peer=192.0.2.0/33",
        "?address=10.0.0.0/8", "?trace=1", "?all=1",
    ])
    func whatIsNotUnderstoodIsRefusedNotIgnored(_ query: String) {
        #expect(throws: ControlRefusal.self) { try ControlRoute(method: "GET", path: "/v1/sessions" + query) }
    }

    @Test func aBlockOfPeersIsEndedByItsPrefix() throws {
        let prefix = try #require(IPPrefix("192.0.2.0/24"))
        #expect(try CallSelector(json: Array(#"{"peer":"192.0.2.0/24"}"#.utf8)) == .peers(prefix))
        #expect(throws: ControlRefusal.self) { try CallSelector(json: Array(#"{"peer":"192.0.2.0/x"}"#.utf8)) }
    }
}
