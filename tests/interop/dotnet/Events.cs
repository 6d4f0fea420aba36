// SPDX-License-Identifier: MIT
// What `peer` tells the test: one JSON object per line on standard output, flushed at once.
using System.ComponentModel;
using System.Text.Json;

namespace Nns.Interop;

internal static class Events
{
    public static void Print(object fields)
    {
        string line = JsonSerializer.Serialize(fields);
        lock (Console.Out)
        {
            Console.Out.WriteLine(line);
            Console.Out.Flush();
        }
    }

    public static object? Describe(Exception? exception) => exception is null ? null : new
    {
        type = exception.GetType().FullName,
        message = exception.Message,
        nativeErrorCode = (exception as Win32Exception)?.NativeErrorCode,
        inner = Describe(exception.InnerException),
    };
}
