// SPDX-License-Identifier: Apache-2.0
import Glibc
import Runtime
import Testing

struct SignalsTests {
    @Test func readsSignalsInsteadOfDyingOfThem() async throws {
        let seen = try await onThread {
            let signals = try Signals()
            let loop = try LoopBox<Int>()
            try loop.watch(signals.descriptor, 0)
            var seen: [Signals.Signal?] = [signals.next()]
            // To this thread only: the others of a test process do not block it.
            for signal in [SIGTERM, SIGHUP, SIGINT] {
                pthread_kill(pthread_self(), signal)
                seen.append(try loop.wait(until: nil) == 1 ? signals.next() : nil)
            }
            seen.append(signals.next())
            return seen
        }
        #expect(seen == [nil, .terminate, .reload, .terminate, nil])
    }

    @Test func ignoresBrokenPipes() async throws {
        let result = try await onThread {
            _ = try Signals()
            let pipe = Pipe()
            pipe.closeReader()
            return write(pipe.writer, "x", 1)
        }
        #expect(result == -1)
    }
}
