// SPDX-License-Identifier: Apache-2.0
import Primitives
import Runtime
import Testing

struct ScanDetectorTests {
    private let a = IPAddress.v4(1)
    private let b = IPAddress.v4(2)
    private let refusal = EventDescription(.ike, .warning, "no-proposal-chosen", "x")

    private func malformed(_ text: String) -> EventDescription {
        EventDescription(.l2tp, .notice, "malformed-message", text)
    }

    @Test func manyRefusedFirstMessagesInAMinuteAreAScan() {
        var detector = ScanDetector()
        for number in 1..<30 {
            let finding = detector.note(refusal, from: a, at: seconds(Double(number)))
            #expect(finding == nil)
        }
        let finding = detector.note(refusal, from: a, at: seconds(30))
        #expect(finding?.name == "scan-detected")
        #expect(finding?.message == "30 first messages of this address were refused within a minute")
        #expect(finding?.fields == [.init("kind", "refused"), .init("count", 30)])
    }

    @Test func aClientThatTriesNowAndThenIsNone() {
        var detector = ScanDetector()
        let findings = (0..<500).compactMap { detector.note(refusal, from: a, at: seconds(Double($0) * 3)) }
        #expect(findings.isEmpty)
    }

    @Test func packetsMalformedInManyWaysAreAScanAndOneWayIsABrokenClient() {
        var detector = ScanDetector()
        let same = (0..<1000).compactMap { _ in detector.note(malformed("x"), from: a, at: seconds(1)) }
        #expect(same.isEmpty)
        let findings = (0..<1000).compactMap { detector.note(malformed("\($0)"), from: b, at: seconds(1)) }
        #expect(findings.map(\.message) == ["this address sent packets malformed in 8 ways within a minute"])
    }

    @Test func oneIsToldForEachAddressAndHour() {
        var detector = ScanDetector()
        var times: [Double] = []
        for second in 0..<7300 where detector.note(refusal, from: a, at: seconds(Double(second))) != nil {
            times.append(Double(second))
        }
        #expect(times == [29, 3658, 7287])
        let other = (0..<40).compactMap { _ in detector.note(refusal, from: b, at: seconds(7300)) }
        #expect(other.count == 1)
    }

    @Test func otherEventsAndThoseWithoutAPeerDoNotCount() {
        var detector = ScanDetector()
        let established = EventDescription(.ike, .info, "phase1-established", "x")
        let ours = EventDescription(.kernel, .notice, "malformed-message", "x")
        for number in 0..<1000 {
            let findings = [
                detector.note(established, from: a, at: seconds(1)), detector.note(refusal, from: nil, at: seconds(1)),
                detector.note(ours, from: a, at: seconds(Double(number) / 100)),
            ]
            #expect(findings.allSatisfy { $0 == nil })
        }
    }

    @Test func watchesABoundedNumberOfSourcesAndForgetsThem() {
        var detector = ScanDetector(limits: .init(refusals: 2, sources: 2))
        #expect(detector.note(refusal, from: .v4(1), at: seconds(1)) == nil)
        let findings = (2..<5000).flatMap { source in
            (0..<3).compactMap { _ in detector.note(refusal, from: .v4(UInt32(source)), at: seconds(1)) }
        }
        // One of them fitted.
        #expect(findings.count == 1)
        // An hour and a minute later there is room again.
        let later = (0..<3).compactMap { _ in detector.note(refusal, from: .v4(9999), at: seconds(3700)) }
        #expect(later.count == 1)
    }
}
