// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Cryptography
import DataPlane
import IKE
import Primitives
import Runtime
import Testing

struct MeasurementsTests {
    private var measurements = Measurements()
    private static let trace = TraceID(rawValue: 7)

    private func times(_ phase: String, _ measurements: Measurements) -> Histogram? {
        measurements.setUpTimes.first { $0.phase == phase }?.histogram
    }

    private func ike(_ kind: IKE.Event.Kind, of trace: TraceID = trace) -> ControlPlane.Event {
        .ike(IKE.Event(trace: trace, peer: .example, kind: kind))
    }

    private func call(_ kind: CallEvent.Kind, of trace: TraceID = trace) -> ControlPlane.Event {
        .call(CallEvent(trace: trace, peer: .example, kind: kind))
    }

    private var keyed: IKE.Event.Kind {
        .phase1Established(
            profile: "p",
            identity: "192.0.2.1",
            transform: IKETransform(cipher: .aesCBC(keyBits: 256), hash: .sha256, group: .ecp256),
            nat: NATFinding(),
            client: .unknown,
            key: nil
        )
    }

    private var protected: IKE.Event.Kind {
        .childEstablished(
            ChildSA.ID(ike: IKESAID(rawValue: 1), inboundSPI: ESPSPI(rawValue: 0x1000)!),
            outboundSPI: ESPSPI(rawValue: 0x2000)!,
            transform: ESPTransform(cipher: .aesGCM16(keyBits: 256), integrity: nil),
            isEncapsulated: false
        )
    }

    private var up: CallEvent.Kind {
        .up(userName: "alice", address: .v4(1), interface: "cv0", mtu: 1400, setUp: .seconds(1))
    }

    private func play(_ events: [(ControlPlane.Event, Double)], into measurements: inout Measurements) {
        for (event, time) in events { measurements.record(event, described: event.description, at: seconds(time)) }
    }

    @Test func aCallIsMeasuredPhaseByPhase() throws {
        var measurements = measurements
        play(
            [
                (ike(.started(profile: "p")), 1), (ike(keyed), 1.25), (ike(protected), 1.5),
                (call(.tunnelOpening(hostName: "x", vendorName: nil)), 2),
                (call(.sessionEstablished(KernelSessionID(tunnel: 1, session: 1))), 3), (call(up), 5),
                // Keys that take the place of others are not part of a set-up.
                (ike(keyed), 100), (ike(protected), 101),
            ],
            into: &measurements
        )
        let sums = measurements.setUpTimes.map { [$0.phase: $0.histogram.sum] }
        #expect(sums == [["ike": 0.25], ["quick-mode": 0.25], ["l2tp": 1], ["ppp": 2], ["whole": 4]])
        #expect(measurements.setUpTimes.allSatisfy { $0.histogram.count == 1 })
    }

    @Test func whoDialsAgainUnderItsKeysIsMeasuredFromItsTunnelOn() {
        var measurements = measurements
        play(
            [
                (call(.tunnelOpening(hostName: "x", vendorName: nil)), 2),
                (call(.sessionEstablished(KernelSessionID(tunnel: 1, session: 1))), 3), (call(up), 5),
            ],
            into: &measurements
        )
        #expect(times("l2tp", measurements)?.sum == 1)
        #expect(times("ppp", measurements)?.sum == 2)
        #expect(times("whole", measurements)?.count == 0)
        #expect(times("ike", measurements)?.count == 0)
    }

    @Test func aCrowdThatNeverComesUpIsForgottenFirstComeFirst() {
        var measurements = measurements
        for number in 0..<10_000 {
            let trace = TraceID(rawValue: UInt64(number))
            play([(ike(.started(profile: "p"), of: trace), Double(number))], into: &measurements)
        }
        play([(ike(keyed, of: TraceID(rawValue: 1)), 10_001)], into: &measurements)
        #expect(times("ike", measurements)?.count == 0)
        play([(ike(keyed, of: TraceID(rawValue: 9_999)), 10_001)], into: &measurements)
        #expect(times("ike", measurements)?.sum == 2)
    }

    @Test func refusalsAreCountedAndComplaintsAreNot() {
        var measurements = measurements
        play(
            [
                (ike(.noProfile), 1), (ike(.noProfile), 2), (ike(.hashMismatch(.quickMode)), 3),
                (call(.noAddress(userName: "alice", fixed: nil)), 4), (call(up), 5),
            ],
            into: &measurements
        )
        let refusals = Dictionary(uniqueKeysWithValues: measurements.refusals.map { ($0.key.name, $0.value) })
        #expect(refusals == ["no-profile": 2, "no-address": 1])
    }

    @Test func theLastReloadIsRemembered() {
        var measurements = measurements
        func record(_ name: String, _ layer: EventDescription.Layer, at milliseconds: Int64) {
            measurements.record(EventDescription(layer, .notice, name, "x")) {
                WallClockTime(milliseconds: milliseconds)
            }
        }
        record("reloaded", .control, at: 1000)
        record("reload-refused", .control, at: 2000)
        record("reloaded", .ike, at: 3000)
        #expect(measurements.reload.applied == 1)
        #expect(measurements.reload.refused == 1)
        #expect(!measurements.reload.wasLastApplied)
        #expect(measurements.reload.lastApplied == WallClockTime(milliseconds: 1000))
        record("reloaded", .control, at: 4000)
        #expect(measurements.reload.wasLastApplied)
    }
}

struct KernelMeterTests {
    @Test func everyAnswerBelongsToItsRequest() {
        var meter = KernelMeter()
        let first = DataPlaneTicket(rawValue: 1)
        let second = DataPlaneTicket(rawValue: 2)
        meter.ask(.takeInventory, first, at: seconds(1))
        meter.ask(.readCounters([]), second, at: seconds(1))
        #expect(meter.inFlight == 2)
        meter.answer(second, .counters([:]), at: seconds(1.5))
        meter.answer(second, .counters([:]), at: seconds(9))
        meter.answer(first, .failed(DataPlaneError(step: "x", code: 1)), at: seconds(3))
        meter.answer(DataPlaneTicket(rawValue: 3), .done, at: seconds(3))
        #expect(meter.inFlight == 0)
        #expect(meter[.readCounters].requests == 1)
        #expect(meter[.readCounters].errors == 0)
        #expect(meter[.readCounters].durations.sum == 0.5)
        #expect(meter[.takeInventory].errors == 1)
        #expect(meter[.takeInventory].durations.sum == 2)
        for kind in Impairment.RequestKind.allCases where kind != .readCounters && kind != .takeInventory {
            #expect(meter[kind] == KernelMeter.Figures())
        }
    }
}
