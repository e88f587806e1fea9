// SPDX-License-Identifier: Apache-2.0
import Primitives
import Testing

@Suite struct DeadlineQueueTests {
    private func time(_ nanoseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: nanoseconds) }

    @Test("Keys come out in the order of their deadlines, and not before")
    func order() {
        var queue = DeadlineQueue<String>()
        #expect(queue.nextDeadline == nil)
        #expect(queue.popDue(at: time(.max)) == nil)
        queue.set("late", to: time(30))
        queue.set("early", to: time(10))
        queue.set("middle", to: time(20))
        #expect(queue.nextDeadline == time(10))
        #expect(queue.popDue(at: time(9)) == nil)
        #expect(queue.popDue(at: time(10)) == "early")
        #expect(queue.popDue(at: time(10)) == nil)
        #expect(queue.popDue(at: time(100)) == "middle")
        #expect(queue.popDue(at: time(100)) == "late")
        #expect(queue.popDue(at: time(100)) == nil)
        #expect(queue.count == 0)
    }

    @Test("A deadline that is moved or dropped leaves nothing behind")
    func moving() {
        var queue = DeadlineQueue<Int>()
        queue.set(1, to: time(10))
        queue.set(2, to: time(20))
        queue.set(1, to: time(30))
        #expect(queue[1] == time(30))
        #expect(queue.nextDeadline == time(20))
        queue.set(2, to: nil)
        queue.set(2, to: nil)
        queue.set(3, to: nil)
        #expect(queue[2] == nil)
        #expect(queue.count == 1)
        #expect(queue.popDue(at: time(100)) == 1)
        #expect(queue[1] == nil)
    }

    @Test("A copy goes its own way")
    func copies() {
        var queue = DeadlineQueue<Int>()
        queue.set(1, to: time(10))
        var copy = queue
        copy.set(1, to: nil)
        #expect(queue.nextDeadline == time(10))
        #expect(copy.nextDeadline == nil)
    }

    @Test("It does what a plain dictionary does, for thousands of random operations", arguments: [UInt64(1), 2, 3, 4])
    func againstModel(seed: UInt64) {
        var random = Random(state: seed)
        var queue = DeadlineQueue<Int>()
        var model: [Int: Int64] = [:]
        for _ in 0..<4000 {
            let key = Int(random.next() % 60)
            let moment = Int64(random.next() % 500)
            switch random.next() % 5 {
            case 0:
                queue.set(key, to: nil)
                model[key] = nil
            case 1, 2, 3:
                queue.set(key, to: time(moment))
                model[key] = moment
            default:
                let popped = queue.popDue(at: time(moment))
                let due = model.values.min().flatMap { $0 <= moment ? $0 : nil }
                // Which of several keys of one deadline comes first is not promised.
                #expect(popped.flatMap { model[$0] } == due)
                if let popped { model[popped] = nil }
            }
            #expect(queue.count == model.count)
            #expect(queue.nextDeadline == model.values.min().map(time))
            #expect(queue[key] == model[key].map(time))
        }
        var drained: [Int64] = []
        while let key = queue.popDue(at: time(.max)) {
            if let deadline = model.removeValue(forKey: key) { drained.append(deadline) }
        }
        #expect(model.isEmpty)
        #expect(drained == drained.sorted())
    }

    /// A linear congruential generator; good enough to choose operations.
    private struct Random {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }
    }
}
