import { setTimeout as sleep } from "node:timers/promises";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, paginateQuery, paginateScan } from "@aws-sdk/lib-dynamodb";
import { answer, mostUrgent, type Answer, type Booking } from "./booking.js";

/** The part of a Connect event this function reads. */
interface ContactFlowEvent {
  Details: {
    ContactData: { ContactId: string; CustomerEndpoint: { Address: string } | null };
    Parameters: Record<string, string>;
  };
}

const TABLE = process.env["TABLE_NAME"] ?? "FlightBookings";
/** Plays a slow back end, so that the error branch of the flow can be tried. */
const DELAY_MS = Number(process.env["DELAY_MS"] ?? 0);

// Outside the handler: made once for each sandbox, not once for each call.
const db = DynamoDBDocumentClient.from(new DynamoDBClient({}));

export async function handler(event: ContactFlowEvent): Promise<Answer> {
  const { ContactData, Parameters } = event.Details;
  if (DELAY_MS > 0) await sleep(DELAY_MS);
  const found = Parameters["bookingNo"]
    ? await byBookingNo(Parameters["bookingNo"])
    : await byPhoneNumber(Parameters["customerNumber"] ?? ContactData.CustomerEndpoint?.Address);
  const result = answer(mostUrgent(found));
  console.log(`contact ${ContactData.ContactId}: ${found.length} bookings, answer ${result.status}`);
  return result;
}

async function byPhoneNumber(phoneNumber: string | undefined): Promise<Booking[]> {
  if (!phoneNumber) return []; // The caller withheld the number.
  return all(
    paginateQuery({ client: db }, {
      TableName: TABLE,
      KeyConditionExpression: "phoneNumber = :phoneNumber",
      ExpressionAttributeValues: { ":phoneNumber": phoneNumber },
    }),
  );
}

async function byBookingNo(bookingNo: string): Promise<Booking[]> {
  return all(
    paginateScan({ client: db }, {
      TableName: TABLE,
      FilterExpression: "bookingNo = :bookingNo",
      ExpressionAttributeValues: { ":bookingNo": bookingNo },
    }),
  );
}

async function all(pages: AsyncIterable<{ Items?: Record<string, unknown>[] | undefined }>): Promise<Booking[]> {
  const bookings: Booking[] = [];
  for await (const page of pages) bookings.push(...((page.Items ?? []) as unknown as Booking[]));
  return bookings;
}
