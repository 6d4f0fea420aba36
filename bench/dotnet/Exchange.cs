// SPDX-License-Identifier: MIT
// The phases of bench/exchange.h, both ends; see there.
using System.Buffers.Binary;
using System.Diagnostics;

namespace Nns.Bench;

internal enum What
{
    Send = 1,
    Fetch = 2,
    Echo = 3,
    Duplex = 4,
}

internal readonly record struct Figures(
    long Bytes, long Writes, double Seconds, double RoundTrip, double CpuClient, double CpuServer);

/// <summary>One end of a phase.</summary>
internal sealed class Exchange
{
    private const int HeaderSize = 16;
    private const int TrailerSize = 24;
    private const int TailSize = 8;
    private const int LeastBuffer = 65536;

    private readonly Stream _stream;
    private readonly long _bytes;
    private readonly byte[] _out;
    private readonly byte[] _in;
    private readonly byte[] _tail = new byte[TailSize];
    private readonly List<long> _times = [];

    private Exchange(Stream stream, int size, long bytes)
    {
        _stream = stream;
        _bytes = bytes;
        _out = new byte[size];
        _in = new byte[Math.Max(size, LeastBuffer)];
    }

    private static double CpuSeconds => Environment.CpuUsage.TotalTime.TotalSeconds;

    private void KeepTail(ReadOnlySpan<byte> data) => KeepTail(_tail, data);

    private static void KeepTail(Span<byte> tail, ReadOnlySpan<byte> data)
    {
        if (data.Length >= TailSize)
        {
            data[^TailSize..].CopyTo(tail);
            return;
        }
        tail[data.Length..].CopyTo(tail);
        data.CopyTo(tail[^data.Length..]);
    }

    private static void Stamp(Span<byte> data, long soFar)
    {
        Span<byte> stamp = stackalloc byte[TailSize];
        BinaryPrimitives.WriteInt64LittleEndian(stamp, soFar);
        int size = Math.Min(data.Length, TailSize);
        stamp[..size].CopyTo(data[^size..]);
    }

    private byte[] ExpectedTail()
    {
        var tail = new byte[TailSize];
        long size = _out.Length;
        for (long at = _bytes > TailSize ? (_bytes - TailSize) / size * size : 0; at < _bytes; at += size)
        {
            Stamp(_out, at + size);
            KeepTail(tail, _out);
        }
        return tail;
    }

    private async Task WriteAllAsync()
    {
        for (long done = 0; done < _bytes; done += _out.Length)
        {
            Stamp(_out, done + _out.Length);
            await _stream.WriteAsync(_out);
        }
    }

    private async Task ReadAllAsync()
    {
        for (long left = _bytes; left > 0;)
        {
            int n = await _stream.ReadAsync(_in.AsMemory(0, (int)Math.Min(left, _in.Length)));
            if (n == 0)
                throw new EndOfStreamException();
            KeepTail(_in.AsSpan(0, n));
            left -= n;
        }
    }

    private async Task<ReadOnlyMemory<byte>> ReadWriteAsync()
    {
        Memory<byte> data = _in.AsMemory(0, _out.Length);
        await _stream.ReadExactlyAsync(data);
        KeepTail(data.Span);
        return data;
    }

    private async Task SendBackAsync()
    {
        for (long done = 0; done < _bytes; done += _out.Length)
            await _stream.WriteAsync(await ReadWriteAsync());
    }

    private async Task InTurnAsync()
    {
        long begin = Stopwatch.GetTimestamp();
        for (long done = 0; done < _bytes; done += _out.Length)
        {
            Stamp(_out, done + _out.Length);
            await _stream.WriteAsync(_out);
            await ReadWriteAsync();
            long end = Stopwatch.GetTimestamp();
            _times.Add(end - begin);
            begin = end;
        }
    }

    /// <summary>The server's end of a connection: phases until the client closes.</summary>
    public static async Task ServeAsync(Stream stream)
    {
        var header = new byte[HeaderSize];
        var trailer = new byte[TrailerSize];
        while (await stream.ReadAtLeastAsync(header, HeaderSize, throwOnEndOfStream: false) == HeaderSize)
        {
            double cpu = CpuSeconds;
            var phase = new Exchange(
                stream, BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(4)),
                BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(8)));
            await phase.ServePhaseAsync((What)BinaryPrimitives.ReadInt32LittleEndian(header));
            BinaryPrimitives.WriteInt64LittleEndian(trailer, phase._bytes);
            phase._tail.CopyTo(trailer, 8);
            BinaryPrimitives.WriteInt64LittleEndian(trailer.AsSpan(16), (long)((CpuSeconds - cpu) * 1e9));
            await stream.WriteAsync(trailer);
        }
    }

    private Task ServePhaseAsync(What what) => what switch
    {
        What.Send => ReadAllAsync(),
        What.Fetch => WriteAllAsync(),
        What.Echo or What.Duplex => SendBackAsync(),
        _ => throw new InvalidDataException($"no such phase: {what}"),
    };

    private Task RunPhaseAsync(What what) => what switch
    {
        What.Send => WriteAllAsync(),
        What.Fetch => ReadAllAsync(),
        What.Echo => InTurnAsync(),
        What.Duplex => Task.WhenAll(Task.Run(WriteAllAsync), Task.Run(ReadAllAsync)),
        _ => throw new InvalidDataException($"no such phase: {what}"),
    };

    private void Verify(ReadOnlySpan<byte> trailer, What what)
    {
        byte[] expected = ExpectedTail();
        if (BinaryPrimitives.ReadInt64LittleEndian(trailer) != _bytes
            || (what != What.Fetch && !trailer.Slice(8, TailSize).SequenceEqual(expected))
            || (what != What.Send && !_tail.AsSpan().SequenceEqual(expected)))
            throw new InvalidDataException("what arrived is not what was sent");
    }

    private static async Task<Figures> AskAsync(Stream stream, What what, int size, long writes)
    {
        var phase = new Exchange(stream, size, size * writes);
        var header = new byte[HeaderSize];
        var trailer = new byte[TrailerSize];
        BinaryPrimitives.WriteInt32LittleEndian(header, (int)what);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(4), size);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(8), phase._bytes);
        long begin = Stopwatch.GetTimestamp();
        double cpu = CpuSeconds;
        await stream.WriteAsync(header);
        await phase.RunPhaseAsync(what);
        await stream.ReadExactlyAsync(trailer);
        double seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        cpu = CpuSeconds - cpu;
        phase.Verify(trailer, what);
        return new Figures(
            phase._bytes, writes, seconds, phase.MedianRoundTrip(), cpu,
            BinaryPrimitives.ReadInt64LittleEndian(trailer.AsSpan(16)) / 1e9);
    }

    private double MedianRoundTrip()
    {
        _times.Sort();
        return _times.Count == 0 ? 0 : _times[_times.Count / 2] / (double)Stopwatch.Frequency;
    }

    /// <summary>The client's end of a phase of about so many seconds, after half as long to warm up.</summary>
    public static async Task<Figures> MeasureAsync(Stream stream, What what, int size, double seconds)
    {
        long begin = Stopwatch.GetTimestamp(), writes = 1;
        Figures last = await AskAsync(stream, what, size, writes);
        while (last.Seconds < seconds / 8 || Stopwatch.GetElapsedTime(begin).TotalSeconds < seconds / 2)
        {
            if (last.Seconds < seconds / 8)
                writes *= 2;
            last = await AskAsync(stream, what, size, writes);
        }
        writes = (long)(writes * seconds / last.Seconds);
        return await AskAsync(stream, what, size, Math.Max(writes, 1));
    }
}
