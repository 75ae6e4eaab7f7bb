"""What lands: brought in, judged, watched for, waited for, and handed out to the runs that use it."""
