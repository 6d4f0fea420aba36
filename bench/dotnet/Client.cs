// SPDX-License-Identifier: MIT
// Does what the lines of standard input say, and answers each with a line of JSON; see bench/peer.c.
using System.Diagnostics;

namespace Nns.Bench;

internal static class Client
{
    public static async Task<int> RunAsync(int port)
    {
        while (await Console.In.ReadLineAsync() is { } line)
        {
            switch (line.Split(' '))
            {
                case ["handshake", var clients, var seconds]:
                    await HandshakesAsync(port, int.Parse(clients), double.Parse(seconds));
                    break;
                case [var what, var size, var seconds]:
                    await MeasureAsync(
                        port, Enum.Parse<What>(what, ignoreCase: true), int.Parse(size), double.Parse(seconds));
                    break;
                default:
                    throw new ArgumentException($"no such command: {line}");
            }
        }
        return 0;
    }

    private static async Task MeasureAsync(int port, What what, int size, double seconds)
    {
        await using Link link = await Link.ConnectAsync(port);
        Figures f = await Exchange.MeasureAsync(link.Stream, what, size, seconds);
        Link.Print(new
        {
            bytes = f.Bytes,
            writes = f.Writes,
            seconds = f.Seconds,
            round_trip = f.RoundTrip,
            cpu_client = f.CpuClient,
            cpu_server = f.CpuServer,
            engine = "gss_wrap",
        });
    }

    private static async Task HandshakesAsync(int port, int clients, double seconds)
    {
        await CallForAsync(port, clients, seconds / 2); // to warm up
        long begin = Stopwatch.GetTimestamp();
        long count = await CallForAsync(port, clients, seconds);
        Link.Print(new { count, seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds });
    }

    private static async Task<long> CallForAsync(int port, int clients, double seconds)
    {
        long begin = Stopwatch.GetTimestamp();
        async Task<long> CallAsync()
        {
            long count = 0;
            for (; Stopwatch.GetElapsedTime(begin).TotalSeconds < seconds; count++)
                await using (await Link.ConnectAsync(port)) { }
            return count;
        }
        long[] counts = await Task.WhenAll(Enumerable.Range(0, clients).Select(_ => Task.Run(CallAsync)));
        return counts.Sum();
    }
}
