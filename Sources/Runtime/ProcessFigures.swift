// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc
package import Primitives
internal import Synchronization

/// What the system says of this process. The names of its metrics are those that every Prometheus client uses.
package struct ProcessFigures: Hashable, Sendable {
    package var started: WallClockTime
    package var cpuSeconds: Double
    package var residentBytes: UInt64?
    package var virtualBytes: UInt64?
    package var openFiles: Int?
    package var mostOpenFiles: UInt64?

    package init(started: WallClockTime, cpuSeconds: Double) {
        self.started = started
        self.cpuSeconds = cpuSeconds
    }

    func add(to page: inout Exposition) {
        page.metric("process_start_time_seconds", .gauge, "When the process started, since the epoch.")
        page.sample(Double(started.milliseconds) / 1000)
        page.metric("process_cpu_seconds_total", .counter, "Processor time of the process, user and system.")
        page.sample(cpuSeconds)
        if let residentBytes {
            page.metric("process_resident_memory_bytes", .gauge, "Memory of the process.")
            page.sample(residentBytes)
        }
        if let virtualBytes {
            page.metric("process_virtual_memory_bytes", .gauge, "Address space of the process.")
            page.sample(virtualBytes)
        }
        if let openFiles {
            page.metric("process_open_fds", .gauge, "Open file descriptors.")
            page.sample(openFiles)
        }
        if let mostOpenFiles {
            page.metric("process_max_fds", .gauge, "Most open file descriptors allowed.")
            page.sample(mostOpenFiles)
        }
    }
}

/// Asks the system. It keeps the folder of the descriptors open: a process that forbids dumps of itself may not open it
/// again once it is not root any more.
package final class ProcessProbe: Sendable {
    private let started: WallClockTime
    /// Open as long as the process lives; negative if it could not be opened.
    private let descriptors: CInt
    private let oneAtATime = Mutex<Void>(())

    /// To be touched first while the process may still do as it likes.
    package static let shared = ProcessProbe()

    private init() {
        started = .current()
        descriptors = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    }

    package func figures() -> ProcessFigures {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        var figures = ProcessFigures(started: started, cpuSeconds: usage.ru_utime.seconds + usage.ru_stime.seconds)
        if let pages = Self.pages() {
            let size = UInt64(max(0, sysconf(Int32(_SC_PAGESIZE))))
            figures.virtualBytes = pages.virtual * size
            figures.residentBytes = pages.resident * size
        }
        figures.openFiles = openFiles()
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            figures.mostOpenFiles = UInt64(limit.rlim_cur)
        }
        return figures
    }

    private func openFiles() -> Int? {
        guard descriptors >= 0 else { return nil }
        let count = oneAtATime.withLock { _ in culvert_count_entries(descriptors) }
        return count < 0 ? nil : Int(count)
    }

    /// Of `/proc/self/statm`.
    private static func pages() -> (virtual: UInt64, resident: UInt64)? {
        let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        let owned = OwnedDescriptor(adopting: file)
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = read(owned.rawValue, &buffer, buffer.count)
        guard count > 0 else { return nil }
        let numbers = String(decoding: buffer[..<count], as: UTF8.self).split(separator: " ").compactMap { UInt64($0) }
        return numbers.count < 2 ? nil : (numbers[0], numbers[1])
    }
}

extension timeval {
    fileprivate var seconds: Double { Double(tv_sec) + Double(tv_usec) / 1e6 }
}
