// SPDX-License-Identifier: Apache-2.0
import Primitives
import Runtime
import Testing

struct MailboxTests {
    @Test func wakesALoopThatSleepsOnAnotherThread() async throws {
        let mailbox = try Mailbox<Int>()
        async let received = onThread {
            let loop = try LoopBox<Int>()
            try loop.watch(mailbox.descriptor, 0)
            var all: [Int] = []
            while all.count < 300 {
                _ = try loop.wait(until: nil)
                all += mailbox.take()
            }
            return all
        }
        for number in 0..<300 { #expect(mailbox.post(number)) }
        #expect(try await received == Array(0..<300))
    }

    @Test func refusesWhatItHasNoRoomFor() throws {
        let mailbox = try Mailbox<Int>(limit: 2)
        #expect(mailbox.post(1))
        #expect(mailbox.post(2))
        #expect(!mailbox.post(3))
        #expect(mailbox.take() == [1, 2])
        #expect(mailbox.post(4))
        #expect(mailbox.take() == [4])
    }

    @Test func isReadableExactlyWhileMessagesWait() throws {
        let mailbox = try Mailbox<Int>()
        let loop = try LoopBox<Int>()
        try loop.watch(mailbox.descriptor, 0)
        #expect(try loop.wait(until: seconds(0)) == 0)
        _ = mailbox.post(1)
        #expect(try loop.wait(until: seconds(0)) == 1)
        _ = mailbox.take()
        #expect(try loop.wait(until: seconds(0)) == 0)
    }
}
