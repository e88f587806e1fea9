// SPDX-License-Identifier: Apache-2.0
import Glibc
import Primitives
import Runtime
import Testing

struct EventLoopTests {
    @Test func tellsWhatIsReadable() throws {
        let loop = try LoopBox<String>()
        let a = Pipe()
        let b = Pipe()
        try loop.watch(a.reader, "a")
        try loop.watch(b.reader, "b")
        b.write("x")
        #expect(try loop.wait(until: nil) == 1)
        #expect(loop.ready(at: 0)?.source == "b")
        #expect(loop.ready(at: 0)?.descriptor == b.reader)
        #expect(loop.ready(at: 0)?.isOnlyHungUp == false)
    }

    @Test func tellsAgainWhatWasLeftUnread() throws {
        let loop = try LoopBox<Int>()
        let pipe = Pipe()
        try loop.watch(pipe.reader, 1)
        pipe.write("x")
        for _ in 0..<3 { #expect(try loop.wait(until: seconds(0)) == 1) }
        #expect(pipe.contents() == "x")
        #expect(try loop.wait(until: seconds(0)) == 0)
    }

    @Test func sleepsUntilTheDeadlineAndNotShorter() throws {
        let loop = try LoopBox<Int>()
        let start = MonotonicTime.current()
        let deadline = start.advanced(by: .milliseconds(20))
        #expect(try loop.wait(until: deadline, now: start) == 0)
        #expect(MonotonicTime.current() >= deadline)
    }

    @Test func doesNotSleepForADeadlineInThePast() throws {
        let loop = try LoopBox<Int>()
        let start = MonotonicTime.current()
        for _ in 0..<100 { _ = try loop.wait(until: seconds(0), now: start) }
        #expect(start.duration(to: .current()) < .seconds(5))
    }

    @Test func forgetsASourceWhoseWakeUpIsUnderWay() throws {
        let loop = try LoopBox<String>()
        let a = Pipe()
        try loop.watch(a.reader, "old")
        a.write("x")
        #expect(try loop.wait(until: nil) == 1)
        loop.unwatch(a.reader)
        #expect(loop.ready(at: 0)?.source == nil)
        // The number was given to somebody else in the meantime: the event was not his.
        try loop.watch(a.reader, "new")
        #expect(loop.ready(at: 0)?.source == nil)
        #expect(try loop.wait(until: nil) == 1)
        #expect(loop.ready(at: 0)?.source == "new")
    }

    @Test func unwatchingAClosedDescriptorIsNoMistake() throws {
        let loop = try LoopBox<Int>()
        // A number that no other test of the process is given meanwhile.
        let descriptor = fcntl(0, F_DUPFD, 1000)
        close(descriptor)
        loop.unwatch(descriptor)
        #expect(throws: SystemError.self) { try loop.watch(descriptor, 1) }
    }

    @Test func tellsAHangUpFromSomethingToRead() throws {
        let loop = try LoopBox<Int>()
        let pipe = Pipe()
        try loop.watch(pipe.reader, 1)
        pipe.closeWriter()
        #expect(try loop.wait(until: nil) == 1)
        #expect(loop.ready(at: 0)?.isOnlyHungUp == true)
    }

    @Test func servesNoMoreThanItsBatchAtOnce() throws {
        let loop = try LoopBox<Int>()
        let pipe = Pipe()
        pipe.write("x")
        var copies: [Int32] = []
        defer { for copy in copies { close(copy) } }
        for number in 0..<300 {
            copies.append(dup(pipe.reader))
            try loop.watch(copies[number], number)
        }
        var seen: Set<Int> = []
        for _ in 0..<10 where seen.count < 300 {
            let count = try loop.wait(until: nil)
            #expect(count <= EventLoop<Int>.batchLimit)
            for index in 0..<count { seen.insert(try #require(loop.ready(at: index)?.source)) }
        }
        // epoll goes round: nobody starves behind a full batch.
        #expect(seen.count == 300)
    }
}
