// SPDX-License-Identifier: Apache-2.0
import DataPlane
import Kernel
import Testing

struct NetlinkBatchTests {
    private func batch(_ count: Int, isTransaction: Bool = false) -> NetlinkBatch {
        var batch = NetlinkBatch(isTransaction: isTransaction)
        for index in 0..<count {
            var message = NetlinkMessage(type: 100 + index, flags: 0)
            message.put(1, bytes: [UInt8](repeating: 7, count: index + 1))
            batch.append(message, step: "step \(index)")
        }
        return batch
    }

    /// `NLMSG_ERROR`, short form, with or without the kernel's words.
    private func answer(_ sequence: UInt32, _ code: Int32, _ text: String? = nil) -> [UInt8] {
        let echoed: [UInt8] = .integer(UInt32(40)) + [UInt8](repeating: 0, count: 12)
        let words = text.map { [UInt8].attribute(1, Array($0.utf8) + [0]) } ?? []
        return .message(
            type: 2,
            flags: 0x100 | (text == nil ? 0 : 0x200),
            sequence: sequence,
            .integer(-code) + echoed + words
        )
    }

    @Test func messagesAreNumberedPaddedAndOnlyTheLastAsksForAnAnswer() {
        var batch = batch(3)
        #expect(batch.finish(from: 0xFFFF_FFFF) == 1)
        var cursor = NetlinkCursor(batch.bytes[...])
        var seen: [[UInt32]] = []
        while let message = try? cursor.message() {
            seen.append([UInt32(message.type), UInt32(message.flags), message.sequence])
        }
        #expect(seen == [[100, 1, 0xFFFF_FFFF], [101, 1, 0], [102, 5, 1]])
        #expect(batch.bytes.count.isMultiple(of: 4))
    }

    @Test func ofATransactionTheLastButOneAsks() {
        var batch = batch(3, isTransaction: true)
        _ = batch.finish(from: 1)
        var cursor = NetlinkCursor(batch.bytes[...])
        var flags: [UInt16] = []
        while let message = try? cursor.message() { flags.append(message.flags) }
        #expect(flags == [1, 5, 1])
    }

    @Test func wipingLeavesNothing() {
        var batch = batch(2)
        batch.wipe()
        #expect(batch.bytes.isEmpty && batch.count == 0)
    }

    @Test func aBatchIsFullBeforeItHasToGrow() {
        var batch = NetlinkBatch()
        while !batch.isFull {
            var message = NetlinkMessage(type: 16, flags: 0)
            message.put(1, bytes: [UInt8](repeating: 1, count: 1900))
            batch.append(message, step: "large")
        }
        #expect(batch.count < NetlinkBatch.limit)
        #expect(batch.bytes.count <= 65_536)
        #expect(self.batch(NetlinkBatch.limit).isFull && !self.batch(NetlinkBatch.limit - 1).isFull)
    }

    @Test func silenceUpToTheLastAnswerIsSuccess() {
        var ledger = AcknowledgementLedger(batch(3), first: 10)
        #expect(!ledger.isComplete)
        ledger.receive(answer(12, 0)[...])
        #expect(ledger.isComplete && ledger.failures.isEmpty)
    }

    @Test func failuresAreTiedToTheirMessages() {
        var ledger = AcknowledgementLedger(batch(4), first: 0xFFFF_FFFE)
        ledger.receive((answer(0xFFFF_FFFF, 17, "State already exists") + answer(0, 95))[...])
        #expect(!ledger.isComplete)
        ledger.receive(answer(1, 3)[...])
        #expect(ledger.isComplete)
        #expect(
            ledger.failures == [
                1: DataPlaneError(step: "step 1", code: 17, text: "State already exists"),
                2: DataPlaneError(step: "step 2", code: 95),
                3: DataPlaneError(step: "step 3", code: 3),
            ]
        )
        #expect(ledger.failures[1]?.isExists == true)
    }

    @Test func aLongAnswerEchoesTheRequestBeforeItsWords() {
        var ledger = AcknowledgementLedger(batch(1), first: 1)
        let echoed: [UInt8] = .message(type: 16, sequence: 1, [1, 2, 3, 4, 5])
        let words: [UInt8] = .attribute(2, [0, 0, 0, 0]) + .attribute(1, Array("no".utf8) + [0])
        let payload: [UInt8] = .integer(Int32(-22)) + echoed + [0, 0, 0] + words
        ledger.receive([UInt8].message(type: 2, flags: 0x200, sequence: 1, payload)[...])
        #expect(ledger.failures == [0: DataPlaneError(step: "step 0", code: 22, text: "no")])
    }

    @Test("N02: answers with the sequence number of another request are ignored, the right one is taken")
    func answersToEarlierBatchesAreIgnored() {
        var ledger = AcknowledgementLedger(batch(2), first: 10)
        ledger.receive((answer(9, 17) + answer(12, 17) + answer(1, 17))[...])
        #expect(!ledger.isComplete && ledger.failures.isEmpty)
        ledger.receive((answer(10, 17) + answer(11, 0))[...])
        #expect(ledger.isComplete && ledger.failures.keys.sorted() == [0])
    }

    @Test func aTransactionThatFailsAsAWholeIsComplete() {
        var ledger = AcknowledgementLedger(batch(5, isTransaction: true), first: 1)
        ledger.receive(answer(1, 1)[...])
        #expect(ledger.isComplete && ledger.failures[0]?.code == 1)
    }

    @Test func anAbandonedBatchKeepsWhatIsKnown() {
        var ledger = AcknowledgementLedger(batch(2), first: 1)
        ledger.receive(answer(1, 17)[...])
        ledger.abandon(code: 105, text: "lost")
        #expect(ledger.isComplete)
        #expect(ledger.failures[0]?.code == 17 && ledger.failures[1]?.code == 105)
    }

    @Test func aDumpThatFailsOnTheWayIsAFailure() {
        var ledger = AcknowledgementLedger(batch(1), first: 5)
        ledger.receive([UInt8].message(type: 3, sequence: 5, .integer(Int32(-12)))[...])
        #expect(ledger.isComplete && ledger.failures[0]?.code == 12)
    }

    @Test func whatAVisitorSeesIsNotKept() {
        var ledger = AcknowledgementLedger(batch(1), first: 5)
        var seen: [UInt8] = []
        ledger.receive([UInt8].message(type: 16, sequence: 5, [1, 2])[...]) { seen += $0.payload }
        #expect(seen == [1, 2] && ledger.replies.isEmpty && !ledger.isUncertain)
    }

    @Test func anUnansweredBatchIsUncertain() {
        var ledger = AcknowledgementLedger(batch(2), first: 1)
        ledger.abandon(code: 110, text: "no answer", isUncertain: true)
        #expect(ledger.isUncertain && ledger.failures.count == 2)
    }

    @Test func aBatchTakesAnotherOneOver() {
        var first = batch(1)
        var second = batch(2)
        first.append(consuming: &second)
        #expect(second.count == 0 && second.bytes.isEmpty)
        #expect(first.steps == ["step 0", "step 0", "step 1"])
        #expect(first.finish(from: 7, port: 99) == 9)
        var cursor = NetlinkCursor(first.bytes[...])
        var seen: [[UInt32]] = []
        while let message = try? cursor.message() {
            seen.append([UInt32(message.type), UInt32(message.flags), message.sequence])
        }
        #expect(seen == [[100, 1, 7], [100, 1, 8], [101, 5, 9]])
        #expect(first.bytes[12..<16] == [99, 0, 0, 0])
    }

    @Test func aDumpEndsWithDoneAndItsPartsAreReplies() {
        var ledger = AcknowledgementLedger(batch(1), first: 5)
        ledger.receive(([UInt8].message(type: 16, sequence: 5, [1]) + [0, 0, 0])[...])
        #expect(!ledger.isComplete)
        ledger.receive([UInt8].message(type: 3, sequence: 5, [0, 0, 0, 0])[...])
        #expect(ledger.isComplete)
        #expect(ledger.replies.map { Array($0.payload) } == [[1]])
    }

    @Test("N02: an answer that is cut short is passed over, a whole one is read")
    func everyTruncationOfAnAnswerIsSafe() {
        let whole = answer(1, 17, "State already exists")
        for count in 0..<whole.count {
            var ledger = AcknowledgementLedger(batch(1), first: 1)
            ledger.receive(whole[..<count])
            #expect(!ledger.isComplete)
            guard count >= 16 else { continue }
            var honest = Array(whole[..<count])
            honest.replaceSubrange(0..<4, with: [UInt8].integer(UInt32(count)))
            ledger.receive(honest[...])
            #expect(ledger.failures[0]?.code == (count >= 24 ? 17 : 71))
        }
    }
}
