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

struct ServiceNotificationTests {
    @Test(arguments: [(ServiceNotification.ready, "READY=1"), (.stopping, "STOPPING=1")])
    func tellsTheServiceManager(notification: ServiceNotification, text: String) {
        let folder = TemporaryFolder()
        let receiver = folder.datagramSocket("notify")
        defer { close(receiver) }
        #expect(notification.send(to: "\(folder.path)/notify"))
        var buffer = [UInt8](repeating: 0, count: 100)
        let count = recv(receiver, &buffer, buffer.count, 0)
        #expect(String(decoding: buffer.prefix(max(0, count)), as: UTF8.self) == text)
    }

    @Test func doesWithoutAServiceManager() {
        #expect(!ServiceNotification.ready.send(to: nil))
        #expect(!ServiceNotification.ready.send(to: ""))
        #expect(!ServiceNotification.ready.send(to: "/nowhere/at/all"))
    }
}
